"""An event of Stripe's names the time of its next try, as mails and webhooks do; without one it is left to staff.

The database gives new rows the present instant, so that an event that the old code stores is found by the new code.
"""

from django.db import migrations, models
from django.db.models.functions import Now

OPEN = models.Q(("state__in", ["received", "failed"]))

# Until now the time was read from the number of attempts: so long after the arrival came the first, second… try.
TRIES = """
    UPDATE billing_stripeevent SET next_try_at = received_at + (ARRAY[
        interval '0', '1 minute', '5 minutes', '15 minutes', '1 hour', '4 hours', '12 hours', '1 day', '2 days'
    ])[attempts + 1] WHERE state IN ('received', 'failed')
"""
NONE_FOR_OTHERS = "UPDATE billing_stripeevent SET next_try_at = NULL WHERE state NOT IN ('received', 'failed')"


class Migration(migrations.Migration):
    dependencies = [("billing", "0007_stripe_events")]

    operations = [
        migrations.AddField(
            "stripeevent",
            "next_try_at",
            models.DateTimeField(blank=True, db_default=Now(), null=True, verbose_name="next try"),
        ),
        migrations.RunSQL([TRIES, NONE_FOR_OTHERS], migrations.RunSQL.noop),
        migrations.RemoveIndex("stripeevent", "stripe_event_to_do"),
        migrations.AddIndex(
            "stripeevent", models.Index(condition=OPEN, fields=["next_try_at"], name="stripe_event_to_do")
        ),
    ]
