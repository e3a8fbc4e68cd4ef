"""What the staff's pages about the ledger share. Nothing here writes: acts call one verb of `credits.ledger`."""

from typing import Any, cast

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from credits.models import Program, Wallet
from organizations.admin.read_only import ReadOnlyAdmin
from organizations.formats import format_credits, format_credits_with_unit
from organizations.models import Organization
from organizations.refusals import Refusal

# Finds rows by their organization: its name and slug, and the mail address of anyone in it.
SEARCHED = ["organization__name", "organization__slug", "organization__memberships__user__email"]


def amount(value: int, program: Program) -> str:
    """Write credits in the reader's language, with the program's decimals."""
    return format_credits(value, decimals=program.decimals, language=get_language() or "en")


def with_unit(value: int, program: Program) -> str:
    """As `amount`, with the program's unit: "1 credit", "5,000 tokens"."""
    return format_credits_with_unit(
        value, decimals=program.decimals, unit=program.unit, language=get_language() or "en"
    )


def sent_with_other_values() -> Refusal:
    """The refusal of a form whose token was used for something else."""
    return Refusal(_("This form was sent before, with other values. Open it again."))


def list_link(model: str, wallet: Wallet, label: str) -> SafeString:
    """Return a link to the list of the wallet's rows of `model`."""
    url = reverse(f"admin:credits_{model}_changelist")
    return format_html('<a href="{}?wallet__id__exact={}">{}</a>', url, wallet.pk, label)


class LedgerAdmin(ReadOnlyAdmin):
    """Rows of the ledger."""

    def organization_of(self, row: Any) -> Organization:
        """The wallet's organization."""
        return cast("Organization", row.wallet.organization)
