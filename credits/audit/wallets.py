"""What must be true of a wallet: its figures are those of its grants and of its entries."""

from credits.audit.proof import Invariant

WALLETS = [
    Invariant(
        "wallet_balance_is_its_grants_less_debt",
        "A wallet's balance is what its grants still hold, less its debt.",
        """
        SELECT w.id AS wallet_id, NULL::bigint AS number,
            format('balance %%s, grants %%s, debt %%s', w.balance, coalesce(g.held, 0), w.debt) AS what,
            abs(w.balance - coalesce(g.held, 0) + w.debt) AS off
        FROM wallets w
        LEFT JOIN (SELECT wallet_id, sum(remaining) AS held FROM grants GROUP BY wallet_id) g ON g.wallet_id = w.id
        WHERE w.balance <> coalesce(g.held, 0) - w.debt
        """,
    ),
    Invariant(
        "wallet_balance_is_its_last_entrys",
        "A wallet's balance is the balance after its last entry.",
        """
        SELECT w.id AS wallet_id, e.number,
            format('balance %%s, after the last entry %%s', w.balance, coalesce(e.balance_after, 0)) AS what,
            abs(w.balance - coalesce(e.balance_after, 0)) AS off
        FROM wallets w
        LEFT JOIN LATERAL (
            SELECT number, balance_after FROM credits_entry WHERE wallet_id = w.id ORDER BY number DESC LIMIT 1
        ) e ON true
        WHERE w.balance <> coalesce(e.balance_after, 0)
        """,
    ),
    Invariant(
        "wallet_reserved_is_its_grants",
        "What a wallet has reserved is what is reserved of its grants.",
        """
        SELECT w.id AS wallet_id, NULL::bigint AS number,
            format('reserved %%s, of its grants %%s', w.reserved, coalesce(g.reserved, 0)) AS what,
            abs(w.reserved - coalesce(g.reserved, 0)) AS off
        FROM wallets w
        LEFT JOIN (SELECT wallet_id, sum(reserved) AS reserved FROM grants GROUP BY wallet_id) g ON g.wallet_id = w.id
        WHERE w.reserved <> coalesce(g.reserved, 0)
        """,
    ),
    Invariant(
        "wallet_debt_is_its_entries",
        "A wallet's debt is the sum of its entries without a grant.",
        """
        SELECT w.id AS wallet_id, NULL::bigint AS number,
            format('debt %%s, entries %%s', w.debt, coalesce(e.debt, 0)) AS what,
            abs(w.debt - coalesce(e.debt, 0)) AS off
        FROM wallets w
        LEFT JOIN (
            SELECT wallet_id, -sum(amount) AS debt FROM entries WHERE grant_id IS NULL GROUP BY wallet_id
        ) e ON e.wallet_id = w.id
        WHERE w.debt <> coalesce(e.debt, 0)
        """,
    ),
    Invariant(
        "wallet_last_number_is_its_last_entrys",
        "A wallet's last number is that of its last entry.",
        """
        SELECT w.id AS wallet_id, e.number,
            format('last number %%s, last entry %%s', w.last_number, coalesce(e.number, 0)) AS what,
            abs(w.last_number - coalesce(e.number, 0)) AS off
        FROM wallets w
        LEFT JOIN LATERAL (
            SELECT number FROM credits_entry WHERE wallet_id = w.id ORDER BY number DESC LIMIT 1
        ) e ON true
        WHERE w.last_number <> coalesce(e.number, 0)
        """,
    ),
    Invariant(
        "wallet_is_in_bounds",
        "A wallet's reserved credits and its debt are not negative, and it covers what it has reserved.",
        """
        SELECT id AS wallet_id, NULL::bigint AS number,
            format('balance %%s, reserved %%s, debt %%s', balance, reserved, debt) AS what,
            greatest(-reserved, -debt, reserved - debt - balance) AS off
        FROM wallets WHERE reserved < 0 OR debt < 0 OR balance < reserved - debt
        """,
    ),
    Invariant(
        "wallet_clock_is_not_before_its_entries",
        "A wallet was last written to when its last entry was written, or later.",
        """
        SELECT w.id AS wallet_id, e.number,
            format('last written %%s, last entry %%s', w.last_written_at, e.written_at) AS what,
            extract(epoch FROM e.written_at - w.last_written_at) AS off
        FROM wallets w
        JOIN LATERAL (
            SELECT number, written_at FROM credits_entry WHERE wallet_id = w.id ORDER BY number DESC LIMIT 1
        ) e ON true
        WHERE w.last_written_at < e.written_at
        """,
    ),
]
