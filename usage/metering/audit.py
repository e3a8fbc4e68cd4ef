"""What must be true of usage events: each belongs to one operation of the ledger and agrees with it.

Proved like the ledger's own invariants (`credits.audit`), in the same snapshot. Reads only.
"""

from django.db import connection

from credits.audit import ExtraColumns, Invariant, Scope

# What never changes of an event; `refunded` does, and is proved from the returns.
SEALED_EVENTS = ExtraColumns(
    join="LEFT JOIN usage_usageevent u ON u.operation_id = o.id",
    columns="""u.organization_id, u.user_id, u.team_id, u.service_id, u.feature_id, u.rate_id, u.model, u.input_tokens,
    u.output_tokens, u.quantity, u.credits, u.uncollected, u.occurred_at, u.written_at""",
)

EVENTS = [
    Invariant(
        "usage_event_has_its_operation",
        "Every usage event is a usage of its organization's wallet.",
        """
        SELECT o.wallet_id, o.number,
            CASE WHEN o.id IS NULL THEN format('event %%s: no such operation', u.operation_id)
                ELSE format('event %%s: %%s of the wallet of organization %%s, not %%s', u.operation_id, o.kind,
                    w.organization_id, u.organization_id) END AS what,
            u.credits AS off
        FROM usage_usageevent u
        LEFT JOIN credits_operation o ON o.id = u.operation_id
        LEFT JOIN credits_wallet w ON w.id = o.wallet_id
        WHERE (o.id IS NULL OR o.kind <> 'usage' OR w.organization_id IS DISTINCT FROM u.organization_id)
            AND (%(wallet)s::bigint IS NULL OR o.wallet_id = %(wallet)s::bigint
                OR u.organization_id = (SELECT organization_id FROM wallets WHERE id = %(wallet)s::bigint))
        """,
    ),
    Invariant(
        "usage_has_its_event",
        "Every usage has its event.",
        """
        SELECT o.wallet_id, o.number, format('operation %%s: no event', o.id) AS what, -o.credits AS off
        FROM operations o LEFT JOIN usage_usageevent u ON u.operation_id = o.id
        WHERE o.kind = 'usage' AND u.operation_id IS NULL
        """,
    ),
    Invariant(
        "usage_event_credits_are_its_entries",
        "The credits of a usage event are what its entries took.",
        """
        SELECT o.wallet_id, o.number,
            format('event %%s: %%s, entries %%s', o.id, u.credits, -coalesce(e.total, 0)) AS what,
            abs(u.credits + coalesce(e.total, 0)) AS off
        FROM operations o
        JOIN usage_usageevent u ON u.operation_id = o.id
        LEFT JOIN (SELECT operation_id, sum(amount) AS total FROM entries GROUP BY operation_id) e
            ON e.operation_id = o.id
        WHERE o.kind = 'usage' AND u.credits <> -coalesce(e.total, 0)
        """,
    ),
    Invariant(
        "usage_event_refunded_is_its_returns",
        "What was refunded of a usage event is what its returns gave back.",
        """
        SELECT o.wallet_id, o.number,
            format('event %%s: refunded %%s, returns %%s', o.id, u.refunded, coalesce(r.given, 0)) AS what,
            abs(u.refunded - coalesce(r.given, 0)) AS off
        FROM operations o
        JOIN usage_usageevent u ON u.operation_id = o.id
        LEFT JOIN (
            SELECT x.subject, sum(e.amount) AS given
            FROM operations x JOIN credits_entry e ON e.wallet_id = x.wallet_id
                AND e.number BETWEEN x.first_number AND x.number AND e.kind = 'return'
            WHERE x.kind = 'return' GROUP BY x.subject
        ) r ON r.subject = o.id
        WHERE o.kind = 'usage' AND u.refunded <> coalesce(r.given, 0)
        """,
    ),
    Invariant(
        "usage_event_clocks_are_its_operations",
        "A usage event happened and was written when its operation was.",
        """
        SELECT o.wallet_id, o.number,
            format('event %%s: happened %%s and written %%s, operation %%s and %%s', o.id, u.occurred_at, u.written_at,
                o.occurred_at, o.written_at) AS what,
            abs(extract(epoch FROM u.written_at - o.written_at))
                + abs(extract(epoch FROM u.occurred_at - o.occurred_at)) AS off
        FROM operations o JOIN usage_usageevent u ON u.operation_id = o.id
        WHERE u.occurred_at <> o.occurred_at OR u.written_at <> o.written_at
        """,
    ),
    Invariant(
        "uncollected_is_of_a_settlement",
        "Only the settlement of a reservation leaves something uncollected.",
        """
        SELECT o.wallet_id, o.number, format('event %%s: uncollected %%s', o.id, u.uncollected) AS what,
            abs(u.uncollected) AS off
        FROM operations o
        JOIN usage_usageevent u ON u.operation_id = o.id
        WHERE u.uncollected <> 0
            AND NOT EXISTS (SELECT FROM credits_reservation r WHERE r.operation_id = o.id)
        """,
    ),
    Invariant(
        "usage_event_names_what_exists",
        "The service, feature and rate of a usage event exist, and belong to its organization and to one another.",
        """
        SELECT o.wallet_id, o.number,
            format('event %%s: service %%s, feature %%s, rate %%s', o.id, u.service_id, u.feature_id, u.rate_id)
                AS what,
            u.credits AS off
        FROM operations o
        JOIN usage_usageevent u ON u.operation_id = o.id
        LEFT JOIN usage_service s ON s.id = u.service_id AND s.organization_id = u.organization_id
        LEFT JOIN usage_feature f ON f.id = u.feature_id
        LEFT JOIN usage_rate t ON t.id = u.rate_id AND t.feature_id = u.feature_id
        WHERE s.id IS NULL OR f.id IS NULL OR t.id IS NULL
        """,
    ),
    Invariant(
        "usage_event_names_people_who_exist",
        "The user of a usage event exists, and its team is one of its organization's.",
        """
        SELECT o.wallet_id, o.number,
            format('event %%s: user %%s, team %%s', o.id, coalesce(u.user_id::text, 'none'),
                coalesce(u.team_id::text, 'none')) AS what,
            u.credits AS off
        FROM operations o
        JOIN usage_usageevent u ON u.operation_id = o.id
        LEFT JOIN organizations_user p ON p.id = u.user_id
        LEFT JOIN organizations_team t ON t.id = u.team_id AND t.organization_id = u.organization_id
        WHERE (u.user_id IS NOT NULL AND p.id IS NULL) OR (u.team_id IS NOT NULL AND t.id IS NULL)
        """,
    ),
]


def count_events(scope: Scope) -> int:
    """Return how many usage events are in scope."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT count(*) FROM usage_usageevent u WHERE %(wallet)s::bigint IS NULL OR u.organization_id =
                (SELECT organization_id FROM credits_wallet WHERE id = %(wallet)s::bigint)
            """,
            scope.parameters,
        )
        return int(cursor.fetchone()[0])
