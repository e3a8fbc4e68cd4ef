"""Triggers by which tables refuse to be changed: operations for the migrations of every app."""

from django.db.migrations import RunSQL


def refusal(function: str, message: str) -> RunSQL:
    """Return the operation that makes a trigger function which refuses whatever fires it.

    `message`: what RAISE says, a format in quotes with the variables that fill it, as in `'% is refused', TG_OP`.
    """
    return RunSQL(
        f"""
        CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION {message}
                USING ERRCODE = 'integrity_constraint_violation';
        END
        $$
        """,
        f"DROP FUNCTION {function}()",
    )


def refuse_changes(table: str, events: str, *, function: str, names: tuple[str, str] | None = None) -> RunSQL:
    """Return the operation that has a table call the function before these events on a row, and before TRUNCATE.

    TRUNCATE has a trigger of its own: those of rows don't fire for it. `names`: of the two triggers, where they are
    not to be called after the table.
    """
    on_row, on_table = names or (f"{table}_refuses_change", f"{table}_refuses_truncate")
    return RunSQL(
        f"""
        CREATE TRIGGER {on_row} BEFORE {events} ON {table}
            FOR EACH ROW EXECUTE FUNCTION {function}();
        CREATE TRIGGER {on_table} BEFORE TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION {function}();
        """,
        f"DROP TRIGGER {on_table} ON {table}; DROP TRIGGER {on_row} ON {table}",
    )
