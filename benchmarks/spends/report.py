"""What was measured, as text for people. The JSON is the same figures."""

from typing import Any

Figures = dict[str, Any]


def aims(figures: Figures) -> list[Figures]:
    """Return every aim with what was reached: the worst of the cases that it is about."""
    singles = figures["singles"]
    hot = [case["to_bare"] for case in singles if case["where"] == "hot" and case["connections"] >= 32]
    busy = [case for case in singles if case["where"] == "spread" and case["connections"] > 1]
    lone = [case["p50"] for case in singles if case["connections"] == 1]
    found = [
        ("hot wallet, 32 and more connections, to pgbench's hot row", min(hot, default=None), 1.5, "x"),
        ("spread, many connections, to pgbench's bare transaction", _least(busy, "to_bare"), 0.25, "x"),
        ("spread, many connections, to the view that does nothing", _least(busy, "to_nothing"), 0.5, "x"),
        ("batches, to the same by SQL alone", _least(figures["batches"], "to_sql"), 0.5, "x"),
        ("one spend at one connection, median", max(lone, default=None), 4, "ms"),
    ]
    return [
        {"aim": aim, "reached": reached, "wanted": wanted, "unit": unit, "is_met": _is_met(reached, wanted, unit)}
        for aim, reached, wanted, unit in found
    ]


def _least(cases: list[Figures], name: str) -> float | None:
    return min((case[name] for case in cases), default=None)


def _is_met(reached: float | None, wanted: float, unit: str) -> bool | None:
    if reached is None:
        return None
    return reached <= wanted if unit == "ms" else reached >= wanted


def render(figures: Figures) -> str:
    """Return the report as text."""
    parts = [_about(figures), _singles(figures), _batches(figures), _counts(figures), _aims(figures)]
    return "\n\n".join(parts)


def _about(figures: Figures) -> str:
    about = figures["about"]
    lines = [
        f"Drawdown, measured {about['at']} on {about['cores']} cores ({about['machine']}), {about['postgresql']},",
        f"fsync {about['fsync']}, synchronous_commit {about['synchronous_commit']}. The load generator,",
        f"the web server ({about['server']}) and PostgreSQL share the cores.",
        f"Load average {about['load_before']:.1f} before, {about['load_after']:.1f} after. Seed {about['seed']}.",
        "Only ratios within one run mean anything.",
        f"{figures['events']:,} spends in all; every answer was right, the ledger is in order.",
    ]
    return "\n".join(lines)


def _singles(figures: Figures) -> str:
    about = figures["about"]
    lines = [
        f"Single spends over HTTP: medians of {about['rounds']} rounds of {about['seconds']} s.",
        f"“spread” is over {about['wallets']:,} wallets (pgbench: rows), “hot” is one.",
        "per tx: spends per transaction. CPU: microseconds of a core for each spend.",
        "",
        _row("", "conn.", "pgbench/s", "no-op/s", "spends/s", "/pgbench", "/no-op", "p50 ms", "p99 ms", "per tx")
        + "   CPU web + PostgreSQL + load",
    ]
    for case in figures["singles"]:
        row = _row(
            case["where"],
            case["connections"],
            f"{case['bare']:,.0f}",
            f"{case['nothing']:,.0f}",
            f"{case['spends']:,.0f}",
            f"{case['to_bare']:.2f}",
            f"{case['to_nothing']:.2f}",
            f"{case['p50']:.1f}",
            f"{case['p99']:.1f}",
            f"{case['per_transaction']:.1f}",
        )
        cpu = case["cpu"]
        lines.append(f"{row}   {cpu['web']:>7} + {cpu['postgresql']} + {cpu['load']}")
    return "\n".join(lines)


def _row(first: object, *others: object) -> str:
    return f"{first:<7}" + "".join(f"{other:>10}" for other in others)


def _batches(figures: Figures) -> str:
    about = figures["about"]
    lines = [
        f"Batches: {about['batch_size']:,} spends per request or transaction, 4 connections, spends per second.",
        "",
    ]
    lines.append(_row("", "HTTP", "SQL alone", "/SQL"))
    lines += [
        _row(case["where"], f"{case['spends']:,}", f"{case['by_sql']:,}", f"{case['to_sql']:.2f}")
        for case in figures["batches"]
    ]
    imported = figures["import"]
    lines += ["", f"Import: {imported['per_second']:,} lines per second ({imported['lines']:,} lines, one process)."]
    return "\n".join(lines)


def _counts(figures: Figures) -> str:
    lines = ["Of one transaction, by the number of spends in it (the machine's mood changes none of this):", ""]
    lines.append(_row("", "spends", "statements", "trips", "WAL/spend", "pages"))
    lines += [
        _row(
            case["where"],
            case["size"],
            case["statements"],
            case["round_trips"],
            f"{case['bytes']:,.0f}",
            f"{case['pages']:.2f}",
        )
        for case in figures["transactions"]
    ]
    lines += ["", "WAL in bytes; pages: whole pages in it per spend, which come after each checkpoint."]
    return "\n".join(lines)


def _aims(figures: Figures) -> str:
    lines = ["Aims", ""]
    for aim in figures["aims"]:
        if aim["reached"] is None:
            continue
        verdict = "met" if aim["is_met"] else "NOT MET"
        bound = "at most" if aim["unit"] == "ms" else "at least"
        reached = f"{aim['reached']:.2f} {aim['unit']}"
        lines.append(f"  {aim['aim']:<60}{reached:>10}   {bound} {aim['wanted']} {aim['unit']}: {verdict}")
    return "\n".join(lines)
