"""Fill the ledger with a million entries by plain SQL, so that what reads all of it can be timed.

    python -m benchmarks.spends.ledger_size [ENTRIES]  # in a database of its own, dropped after the auditor was timed

Every wallet gets grants of 1,000 credits that spends of 10 use up one after the other, each spend with its event.
"""

import os
import sys
import time

import django
from django.core.management import call_command
from django.db import connection

from config import embedded

GRANTS, SPENDS = 20, 100  # of each wallet: so many grants, each used up by so many spends

FILL = """
SET session_replication_role = replica;
SET synchronous_commit = off;
INSERT INTO organizations_organization (slug, name, time_zone, language, country, currency, requires_two_factor,
        created_at)
    SELECT 'size-' || n, 'Size ' || n, 'UTC', 'en', 'DE', 'EUR', false, now() FROM generate_series(1, {wallets}) n;
INSERT INTO credits_program (key, name, unit, decimals, overdraft_limit, at_zero, reservation_seconds,
        limit_thresholds)
    VALUES ('size', 'Size', 'credits', 0, 0, 'refuse', 900, ARRAY[75, 100]);
INSERT INTO usage_feature (program_id, key, name, position) SELECT id, 'work', 'Work', 0 FROM credits_program;
INSERT INTO usage_rate (feature_id, pricing, model, credits, per, effective_at)
    SELECT id, 'fixed', '', 10, 1, '2020-01-01' FROM usage_feature;
INSERT INTO usage_service (organization_id, key, name, is_ai_on, created_at)
    SELECT id, 'main', 'Main', true, now() FROM organizations_organization;
INSERT INTO credits_wallet (organization_id, program_id, balance, reserved, debt, last_number, last_written_at,
        created_at)
    SELECT o.id, p.id, 0, 0, 0, {grants} * ({spends} + 1), '2026-01-01'::timestamptz + interval '1 day', '2026-01-01'
    FROM organizations_organization o, credits_program p;
CREATE TEMP TABLE given AS
    SELECT gen_random_uuid() AS id, w.id AS wallet_id, g FROM credits_wallet w, generate_series(1, {grants}) g;
INSERT INTO credits_grant (id, wallet_id, source, amount, remaining, reserved, priority, effective_at, cost_minor,
        cost_currency, is_open, created_at)
    SELECT id, wallet_id, 'goodwill', 10 * {spends}, 0, 0, 50, '2026-01-01'::timestamptz + g * interval '1 s', 0, '',
        false, '2026-01-01'::timestamptz + g * interval '1 s'
    FROM given;
CREATE TEMP TABLE act AS
    SELECT gen_random_uuid() AS id, wallet_id, id AS grant_id, g AS number, 'grant' AS kind, 10 * {spends} AS amount,
        10 * {spends} * g AS balance_after
    FROM given
    UNION ALL
    SELECT gen_random_uuid(), wallet_id, id, {grants} + (g - 1) * {spends} + s, 'usage', -10,
        10 * {spends} * {grants} - 10 * ((g - 1) * {spends} + s)
    FROM given, generate_series(1, {spends}) s;
INSERT INTO credits_operation (id, wallet_id, kind, source, idempotency_key, content_hash, credits, first_number,
        number, balance_after, available_after, occurred_at, written_at, actor_label, feature, memo, subject)
    SELECT id, wallet_id, kind, CASE kind WHEN 'grant' THEN 'goodwill' ELSE '' END, 'key-' || number, sha256('size'),
        amount, number, number, balance_after, balance_after, '2026-01-01'::timestamptz + number * interval '1 s',
        '2026-01-01'::timestamptz + number * interval '1 s', 'benchmark',
        CASE kind WHEN 'grant' THEN '' ELSE 'work' END, '', CASE kind WHEN 'grant' THEN grant_id END
    FROM act ORDER BY wallet_id, number;
INSERT INTO credits_entry (wallet_id, number, operation_id, grant_id, kind, amount, balance_after, occurred_at,
        written_at)
    SELECT wallet_id, number, id, grant_id, kind, amount, balance_after,
        '2026-01-01'::timestamptz + number * interval '1 s', '2026-01-01'::timestamptz + number * interval '1 s'
    FROM act ORDER BY number, wallet_id;
INSERT INTO usage_usageevent (operation_id, organization_id, service_id, feature_id, rate_id, model, credits,
        uncollected, refunded, occurred_at, written_at)
    SELECT a.id, w.organization_id, s.id, f.id, r.id, '', 10, 0, 0,
        '2026-01-01'::timestamptz + number * interval '1 s', '2026-01-01'::timestamptz + number * interval '1 s'
    FROM act a JOIN credits_wallet w ON w.id = a.wallet_id JOIN usage_service s USING (organization_id),
        usage_feature f, usage_rate r
    WHERE a.kind = 'usage';
RESET session_replication_role;
ANALYZE;
"""


def main() -> None:
    embedded.fill_environment()
    os.environ["TEST_DATABASE_NAME"] = "bench_ledger_size"
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    entries = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    wallets = max(1, round(entries / (GRANTS * (SPENDS + 1))))
    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        began = time.perf_counter()
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = 0")
            cursor.execute(FILL.format(wallets=wallets, grants=GRANTS, spends=SPENDS))
        print(f"filled in {time.perf_counter() - began:.1f} s")
        for what in ("audited and sealed", "audited, compared with the seal and sealed again"):
            began = time.perf_counter()
            call_command("audit_ledger", "--seal")
            print(f"{what} in {time.perf_counter() - began:.1f} s")
    finally:
        connection.creation.destroy_test_db("postgres", verbosity=0)


if __name__ == "__main__":
    main()
