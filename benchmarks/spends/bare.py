"""The yardsticks that PostgreSQL sets by itself: pgbench's bare transaction, and spends by SQL alone."""

import re
import subprocess
import tempfile
from pathlib import Path

from django.db import connection

from benchmarks.spends.stage import COST, HOT
from config import embedded

# One INSERT and one UPDATE in one statement, on a narrow table with room for heap-only updates.
TABLES = """
CREATE TABLE bare_account (id int PRIMARY KEY, balance bigint NOT NULL) WITH (fillfactor = 50);
CREATE TABLE bare_entry (id bigserial PRIMARY KEY, account_id int NOT NULL, amount bigint NOT NULL,
    written_at timestamptz NOT NULL DEFAULT now());
INSERT INTO bare_account SELECT n, 0 FROM generate_series(0, {wallets}) n;
"""
TRANSACTION = """
\\set account {account}
WITH entry AS (INSERT INTO bare_entry (account_id, amount) VALUES (:account, -1))
UPDATE bare_account SET balance = balance - 1 WHERE id = :account;
"""

# A thousand spends in one transaction: lock, then everything that a spend leaves behind, in one statement.
PICKS = """
    SELECT n, w.id AS wallet_id FROM generate_series(1, {size}) n
    JOIN bare_target t ON t.number = abs(hashint8(:seed::bigint * 100000 + n)::bigint) %% {targets}
    JOIN credits_wallet w ON w.id = t.wallet_id
"""
SPENDS = """
\\set seed random(1, 1000000000)
BEGIN;
SELECT count(*) FROM (
    SELECT id FROM credits_wallet WHERE id IN (SELECT wallet_id FROM ({picks}) p) ORDER BY id FOR NO KEY UPDATE) locked;
WITH pick AS MATERIALIZED (
    SELECT uuidv7() AS id, clock_timestamp() AS at, gen_random_uuid()::text AS key, wallet_id,
        row_number() OVER (PARTITION BY wallet_id ORDER BY n) AS place
    FROM ({picks}) p
), act AS MATERIALIZED (
    SELECT p.*, w.organization_id, g.id AS grant_id, w.last_number + place AS number,
        w.balance - place * {cost} AS balance
    FROM pick p JOIN credits_wallet w ON w.id = p.wallet_id JOIN credits_grant g ON g.wallet_id = w.id AND g.is_open
), operation AS (
    INSERT INTO credits_operation (id, wallet_id, kind, source, idempotency_key, content_hash, credits, first_number,
        number, balance_after, available_after, occurred_at, written_at, actor_id, actor_label, feature, memo)
    SELECT id, wallet_id, 'usage', '', key, sha256(key::bytea), -{cost}, number, number, balance, balance, at, at,
        {user}, 'Benchmark', 'chat', ''
    FROM act
), entry AS (
    INSERT INTO credits_entry (wallet_id, number, operation_id, grant_id, kind, amount, balance_after, occurred_at,
        written_at)
    SELECT wallet_id, number, id, grant_id, 'usage', -{cost}, balance, at, at FROM act
), event AS (
    INSERT INTO usage_usageevent (operation_id, organization_id, user_id, service_id, feature_id, rate_id, model,
        input_tokens, output_tokens, credits, uncollected, refunded, occurred_at, written_at)
    SELECT a.id, a.organization_id, {user}, s.id, {feature}, {rate}, 'small', 800, 200, {cost}, 0, 0, at, at
    FROM act a JOIN usage_service s ON s.organization_id = a.organization_id
), total AS MATERIALIZED (
    SELECT wallet_id, grant_id, count(*) AS spends, max(at) AS at FROM act GROUP BY wallet_id, grant_id
), taken AS (
    UPDATE credits_grant g SET remaining = remaining - spends * {cost} FROM total t WHERE g.id = t.grant_id
)
UPDATE credits_wallet w SET balance = balance - spends * {cost}, last_number = last_number + spends,
    last_written_at = greatest(last_written_at, t.at)
FROM total t WHERE w.id = t.wallet_id;
COMMIT;
"""


def prepare(wallets: int) -> None:
    """Make the bare tables."""
    with connection.cursor() as cursor:
        cursor.execute(TABLES.format(wallets=wallets))


def transactions(url: str, *, clients: int, seconds: int, where: str, wallets: int, seed: int) -> float:
    """Return pgbench's bare transactions per second."""
    account = "0" if where == "hot" else f"random(1, {wallets})"
    script = TRANSACTION.format(account=account)
    return _pgbench(url, script, "--time", str(seconds), clients=clients, seed=seed)


def spends_by_sql(url: str, *, batches: int, size: int, clients: int, where: str, seed: int) -> float:
    """Return spends per second, so many per transaction, by SQL alone."""
    script = _sql_script(where, size)
    each = max(1, batches // clients)
    return size * _pgbench(url, script, "--transactions", str(each), clients=clients, seed=seed)


def _sql_script(where: str, size: int) -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            DROP TABLE IF EXISTS bare_target;
            CREATE TABLE bare_target AS SELECT row_number() OVER (ORDER BY w.id) - 1 AS number, w.id AS wallet_id
                FROM credits_wallet w JOIN organizations_organization o ON o.id = w.organization_id
                WHERE (o.slug = '{HOT}') = {where == "hot"};
            CREATE INDEX ON bare_target (number);
            ANALYZE bare_target;
            """
        )
        cursor.execute("SELECT count(*) FROM bare_target")
        (targets,) = cursor.fetchone()
        cursor.execute("SELECT id, feature_id, (SELECT max(id) FROM organizations_user) FROM usage_rate")
        rate, feature, user = cursor.fetchone()
    picks = PICKS.format(size=size, targets=targets).replace("%%", "%")
    return SPENDS.format(picks=picks, cost=COST, user=user, feature=feature, rate=rate)


def _pgbench(url: str, script: str, *arguments: str, clients: int, seed: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "script.sql"
        path.write_text(script)
        command = [
            *(str(embedded.bin_path() / "pgbench"), "--no-vacuum", "--protocol", "prepared"),
            *("--file", str(path), "--client", str(clients), "--jobs", str(min(2, clients))),
            *("--random-seed", str(seed), *arguments, url),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"^tps = ([\d.]+)", done.stdout, re.MULTILINE)
    if done.returncode or not found:
        raise RuntimeError(f"pgbench failed: {done.stderr[-2000:]}")
    return float(found[1])
