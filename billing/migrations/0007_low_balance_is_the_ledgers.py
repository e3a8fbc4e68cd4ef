"""When a balance is low is a term of the ledger, not of what is sold: the figure moves to the program."""

from typing import Any

from django.db import migrations


def to_programs(apps: Any, _editor: Any) -> None:
    for terms in apps.get_model("billing", "SaleTerms").objects.exclude(low_balance=None):
        if terms.low_balance > 0:
            apps.get_model("credits", "Program").objects.filter(pk=terms.program_id, low_balance=None).update(
                low_balance=terms.low_balance
            )


def to_sale_terms(apps: Any, _editor: Any) -> None:
    for program in apps.get_model("credits", "Program").objects.exclude(low_balance=None):
        apps.get_model("billing", "SaleTerms").objects.filter(program=program).update(low_balance=program.low_balance)


class Migration(migrations.Migration):
    dependencies = [("billing", "0006_sellers_and_bank_accounts"), ("credits", "0007_low_balance_and_thresholds")]

    operations = [
        migrations.RunPython(to_programs, to_sale_terms),
        migrations.RemoveField("saleterms", "low_balance"),
    ]
