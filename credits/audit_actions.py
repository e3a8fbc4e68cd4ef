"""The actions of audit events about programs and the ledger. Their values are stored, so they never change."""

from organizations.audit_events import AuditAction


class Action(AuditAction):
    GRANT_GIVEN = "grant.given"
    GRANT_VOIDED = "grant.voided"
    GRANT_FROZEN = "grant.frozen"
    GRANT_UNFROZEN = "grant.thawed"
    RESERVATION_RELEASED = "reservation.released"
    NOTICE_SETTINGS_CHANGED = "notices.settings_changed"
    PROGRAM_CREATED_BY_STAFF = "program.created_by_staff"
    PROGRAM_CHANGED_BY_STAFF = "program.changed_by_staff"
