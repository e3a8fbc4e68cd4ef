"""A rate without an amount that its pricing needs is refused: a comparison with null was no violation."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("usage", "0001_meter"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="rate",
            name="rate_has_what_its_pricing_needs",
        ),
        migrations.AddConstraint(
            model_name="rate",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("credits__gte", 0),
                        ("credits__isnull", False),
                        ("credits__lte", 1000000000000),
                        ("input_credits", None),
                        ("max_credits", None),
                        ("min_credits", None),
                        ("model", ""),
                        ("output_credits", None),
                        ("pricing", "fixed"),
                    ),
                    models.Q(
                        ("credits", None),
                        ("input_credits", None),
                        ("max_credits__gte", models.F("min_credits")),
                        ("max_credits__isnull", False),
                        ("max_credits__lte", 1000000000000),
                        ("min_credits__gte", 0),
                        ("min_credits__isnull", False),
                        ("model", ""),
                        ("output_credits", None),
                        ("pricing", "range"),
                    ),
                    models.Q(
                        ("credits", None),
                        ("input_credits__gte", 0),
                        ("input_credits__isnull", False),
                        ("input_credits__lte", 1000000000000),
                        ("max_credits", None),
                        ("min_credits", None),
                        ("output_credits__gte", 0),
                        ("output_credits__isnull", False),
                        ("output_credits__lte", 1000000000000),
                        ("pricing", "per_token"),
                        models.Q(("model", ""), _negated=True),
                    ),
                    models.Q(
                        ("credits__gte", 0),
                        ("credits__isnull", False),
                        ("credits__lte", 1000000000000),
                        ("input_credits", None),
                        ("max_credits", None),
                        ("min_credits", None),
                        ("model", ""),
                        ("output_credits", None),
                        ("pricing", "per_unit"),
                    ),
                    _connector="OR",
                ),
                name="rate_has_what_its_pricing_needs",
            ),
        ),
    ]
