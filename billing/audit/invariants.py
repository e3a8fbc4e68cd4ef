"""Invariants of purchases and plans: every paid purchase and every month of a plan has its grant, and the reverse.

They are proved like the ledger's (`credits.audit`), in the same snapshot. Reads only.
"""

from django.db import connection

from credits.audit import Invariant, Scope

# Purchases of the organizations whose wallets are in scope.
IN_SCOPE = "(%(wallet)s::bigint IS NULL OR w.id = %(wallet)s::bigint)"

PURCHASES = [
    Invariant(
        "paid_purchase_has_its_grant",
        "Every paid purchase has one grant, in its organization's wallet, and no other purchase has any.",
        f"""
        SELECT w.id AS wallet_id, NULL::bigint AS number,
            format('purchase %%s (%%s): grant %%s of wallet %%s', p.reference, p.state, coalesce(g.id::text, 'none'),
                coalesce(g.wallet_id::text, 'none')) AS what,
            p.credits AS off
        FROM billing_purchase p
        JOIN credits_wallet w ON w.organization_id = p.organization_id
        LEFT JOIN credits_grant g ON g.id = p.grant_id
        WHERE {IN_SCOPE}
            AND ((p.state = 'paid') <> (p.grant_id IS NOT NULL)
                OR p.grant_id IS NOT NULL AND g.wallet_id IS DISTINCT FROM w.id)
        """,
    ),
    Invariant(
        "bought_grant_has_its_purchase",
        "Every grant by card or auto-recharge, and every other that a payment made, has its purchase.",
        """
        SELECT g.wallet_id, NULL::bigint AS number, format('grant %%s (%%s): no purchase', g.id, g.source) AS what,
            g.amount AS off
        FROM grants g
        LEFT JOIN billing_purchase p ON p.grant_id = g.id
        LEFT JOIN operations o ON o.kind = 'grant' AND o.subject = g.id
        WHERE p.id IS NULL AND (g.source IN ('card', 'auto_recharge') OR o.idempotency_key LIKE 'payment:%%')
        """,
    ),
    Invariant(
        "purchase_grant_is_what_was_bought",
        "The grant of a purchase has its credits, its price, its currency and the source of its method.",
        """
        SELECT g.wallet_id, NULL::bigint AS number,
            format('purchase %%s: %%s for %%s %%s by %%s, grant: %%s for %%s %%s from %%s', p.reference, p.credits,
                p.amount_minor, p.currency, p.method, g.amount, g.cost_minor, g.cost_currency, g.source) AS what,
            abs(g.amount - p.credits) + abs(g.cost_minor - p.amount_minor) AS off
        FROM grants g JOIN billing_purchase p ON p.grant_id = g.id
        WHERE g.amount <> p.credits OR g.cost_minor <> p.amount_minor
            OR p.amount_minor > 0 AND (g.cost_currency <> p.currency OR g.source <> p.method)
            OR p.amount_minor = 0 AND g.source <> 'promotion'
        """,
    ),
    Invariant(
        "purchase_grant_expires_as_sold",
        "The grant of a purchase expires as the order said: so many days after, or never.",
        """
        SELECT g.wallet_id, NULL::bigint AS number,
            format('purchase %%s: sold for %%s days, paid %%s, expires %%s', p.reference, p.validity_days, p.paid_at,
                g.expires_at) AS what,
            g.amount AS off
        FROM grants g
        JOIN billing_purchase p ON p.grant_id = g.id
        JOIN organizations_organization o ON o.id = p.organization_id
        WHERE (p.validity_days IS NULL) <> (g.expires_at IS NULL)
            OR p.validity_days IS NOT NULL AND abs(extract(epoch FROM
                g.expires_at - (p.paid_at + make_interval(days => p.validity_days)))) > 2 * 86400
        """,
    ),
    Invariant(
        "purchase_was_paid_once",
        "No payment at Stripe paid for two purchases, and no purchase by Stripe was paid without one.",
        f"""
        SELECT w.id AS wallet_id, NULL::bigint AS number,
            format('purchase %%s: payment %%s', p.reference, coalesce(p.stripe_payment_intent_id, 'none')) AS what,
            p.amount_minor AS off
        FROM billing_purchase p
        JOIN credits_wallet w ON w.organization_id = p.organization_id
        JOIN credits_operation o ON o.wallet_id = w.id AND o.kind = 'grant' AND o.subject = p.grant_id
        WHERE {IN_SCOPE} AND p.state = 'paid'
            AND o.idempotency_key <> CASE
                WHEN p.amount_minor = 0 THEN 'payment:free:' || p.id
                WHEN p.method = 'bank_transfer' THEN 'payment:deposit:' || p.id
                ELSE 'payment:' || coalesce(p.stripe_payment_intent_id, 'demo:' || p.id) END
        """,
    ),
    Invariant(
        "refund_took_its_grant",
        "What a refund or a dispute took of credits, it took from the grant of its purchase.",
        f"""
        SELECT w.id AS wallet_id, o.number,
            format('purchase %%s: operation %%s (%%s) of grant %%s', p.reference, r.void_operation_id, o.kind,
                o.subject) AS what,
            p.credits AS off
        FROM (
            SELECT purchase_id, void_operation_id FROM billing_refund
            UNION ALL SELECT purchase_id, void_operation_id FROM billing_dispute
        ) r
        JOIN billing_purchase p ON p.id = r.purchase_id
        JOIN credits_wallet w ON w.organization_id = p.organization_id
        LEFT JOIN credits_operation o ON o.id = r.void_operation_id
        WHERE {IN_SCOPE} AND r.void_operation_id IS NOT NULL
            AND (o.id IS NULL OR o.kind <> 'void' OR o.wallet_id <> w.id OR o.subject IS DISTINCT FROM p.grant_id)
        """,
    ),
    Invariant(
        "reversals_took_their_share",
        "Refunds and lost disputes took the credits that go with their money, all of them together, and no more.",
        f"""
        SELECT wallet_id, NULL::bigint AS number,
            format('purchase %%s: %%s of %%s back, %%s credits taken instead of %%s', reference, back, amount_minor,
                taken, target) AS what,
            abs(target - taken) AS off
        FROM (
            SELECT m.*, ceil(m.credits::numeric * m.back / m.amount_minor) AS target
            FROM (
                SELECT w.id AS wallet_id, p.reference, p.credits, p.amount_minor,
                    least(p.amount_minor, (
                        SELECT coalesce(sum(r.amount_minor), 0) FROM billing_refund r
                        WHERE r.purchase_id = p.id AND r.state <> 'failed'
                    ) + (
                        SELECT coalesce(sum(d.amount_minor), 0) FROM billing_dispute d
                        WHERE d.purchase_id = p.id AND d.status = 'lost'
                    )) AS back,
                    v.taken, v.voided_by_staff, (
                        SELECT coalesce(sum(-x.credits), 0) FROM credits_operation x
                        WHERE x.wallet_id = w.id AND x.subject = p.grant_id AND x.kind = 'expiry'
                    ) AS expired
                FROM billing_purchase p
                JOIN credits_wallet w ON w.organization_id = p.organization_id
                CROSS JOIN LATERAL (
                    SELECT
                        coalesce(sum(-n.net) FILTER (WHERE n.is_reversal), 0) AS taken,
                        coalesce(sum(-n.net) FILTER (WHERE NOT n.is_reversal), 0) AS voided_by_staff
                    FROM (
                        SELECT starts_with(o.idempotency_key, 'reversal:' || p.id || ':') AS is_reversal,
                            o.credits + coalesce((
                                SELECT sum(b.credits) FROM credits_operation b
                                WHERE b.wallet_id = w.id AND b.subject = o.id AND b.kind = 'return'
                            ), 0) AS net
                        FROM credits_operation o
                        WHERE o.wallet_id = w.id AND o.subject = p.grant_id AND o.kind = 'void'
                    ) n
                ) v
                WHERE {IN_SCOPE} AND p.state = 'paid' AND p.amount_minor > 0 AND (
                    v.taken <> 0 OR EXISTS (SELECT FROM billing_refund r WHERE r.purchase_id = p.id)
                    OR EXISTS (SELECT FROM billing_dispute d WHERE d.purchase_id = p.id)
                )
            ) m
        ) t
        WHERE taken > target OR taken < least(target, credits - expired - voided_by_staff)
        """,
    ),
    Invariant(
        "promotion_use_is_its_grant",
        "Every use of a code that brings credits is a promotion's grant to the organization that used it.",
        f"""
        SELECT w.id AS wallet_id, o.number, format('use %%s: operation %%s', u.id, u.operation_id) AS what,
            coalesce(o.credits, 0) AS off
        FROM billing_promotionuse u
        JOIN credits_wallet w ON w.organization_id = u.organization_id
        LEFT JOIN credits_operation o ON o.id = u.operation_id
        WHERE {IN_SCOPE}
            AND (o.id IS NULL OR o.wallet_id <> w.id OR o.kind <> 'grant' OR o.source <> 'promotion')
        """,
    ),
    Invariant(
        "payment_is_settled_in_time",
        "An order that nobody paid is over within a day of its time.",
        f"""
        SELECT w.id AS wallet_id, NULL::bigint AS number,
            format('purchase %%s: %%s, open until %%s', p.reference, p.state, p.expires_at) AS what,
            extract(epoch FROM %(now)s - p.expires_at) AS off
        FROM billing_purchase p JOIN credits_wallet w ON w.organization_id = p.organization_id
        WHERE {IN_SCOPE} AND p.state IN ('pending', 'open') AND p.expires_at < %(now)s - interval '1 day'
        """,
        is_liveness=True,
    ),
]

ALLOWANCES = [
    Invariant(
        "allowance_is_its_grant",
        "What a plan's month brought is a grant to its organization under the same key, with the same credits and end.",
        f"""
        SELECT w.id AS wallet_id, o.number,
            format('%%s: %%s credits until %%s, operation %%s (%%s) brought %%s until %%s', a.key, a.credits,
                a.period_end, coalesce(a.operation_id::text, 'none'), coalesce(o.kind, 'none'),
                coalesce(o.credits, 0), coalesce(g.expires_at::text, 'no end')) AS what,
            abs(a.credits - coalesce(o.credits, 0)) AS off
        FROM billing_allowance a
        JOIN billing_subscription s ON s.id = a.subscription_id
        JOIN credits_wallet w ON w.organization_id = s.organization_id
        LEFT JOIN credits_operation o ON o.id = a.operation_id
        LEFT JOIN credits_grant g ON g.id = o.subject
        WHERE {IN_SCOPE} AND CASE
            -- Only a month that was over when we learned of it brought nothing.
            WHEN a.operation_id IS NULL THEN a.recorded_at < a.period_end
            ELSE (o.kind, o.wallet_id, o.idempotency_key, o.credits, g.amount, g.expires_at)
                    IS DISTINCT FROM ('grant', w.id, a.key, a.credits, a.credits, a.period_end)
                OR o.source NOT IN ('plan', 'bank_transfer') END
        """,
    ),
    Invariant(
        "plan_grant_is_its_allowance",
        "Every grant of a plan is what one of its months brought.",
        """
        SELECT o.wallet_id, o.number, format('operation %%s (%%s): no month of a plan', o.id, o.idempotency_key)
                AS what,
            o.credits AS off
        FROM operations o LEFT JOIN billing_allowance a ON a.operation_id = o.id
        WHERE o.kind = 'grant' AND (o.source = 'plan' OR starts_with(o.idempotency_key, 'allowance:')) AND a.id IS NULL
        """,
    ),
]


def count_purchases(scope: Scope) -> int:
    """Return how many purchases are in scope."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT count(*) FROM billing_purchase p WHERE %(wallet)s::bigint IS NULL OR p.organization_id =
                (SELECT organization_id FROM credits_wallet WHERE id = %(wallet)s::bigint)
            """,
            scope.parameters,
        )
        return int(cursor.fetchone()[0])
