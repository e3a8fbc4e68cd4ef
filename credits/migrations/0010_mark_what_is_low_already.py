"""Wallets that are low or at their end already are marked so: nobody is told now of what is no news."""

from django.db import migrations

MARK = """
    WITH held AS (
        SELECT w.id, coalesce(w.low_below, p.low_balance, 0) AS below,
            CASE WHEN w.debt > 0 THEN 0 ELSE coalesce(sum(g.remaining - g.reserved), 0) END + w.reserved AS credits
        FROM credits_wallet w
        JOIN credits_program p ON p.id = w.program_id
        LEFT JOIN credits_grant g ON g.wallet_id = w.id AND g.is_open AND g.frozen_at IS NULL
            AND g.effective_at <= now() AND (g.expires_at IS NULL OR g.expires_at > now())
        WHERE w.last_number > 0 GROUP BY w.id, p.id
    )
    UPDATE credits_wallet w SET
        depleted_since = CASE WHEN h.credits = 0 THEN coalesce(w.depleted_since, now()) ELSE w.depleted_since END,
        low_since = CASE WHEN h.credits < h.below THEN coalesce(w.low_since, now()) ELSE w.low_since END
    FROM held h WHERE h.id = w.id AND (h.credits = 0 OR h.credits < h.below)
"""


class Migration(migrations.Migration):
    dependencies = [
        ("credits", "0009_no_index_twice"),
        # Which says below what a balance is low.
        ("billing", "0007_low_balance_is_the_ledgers"),
    ]

    operations = [migrations.RunSQL(MARK, migrations.RunSQL.noop)]
