"""The actions of audit events about jobs. Their values are stored, so they never change."""

from organizations.audit_events import AuditAction


class Action(AuditAction):
    JOB_ASKED_FOR = "job.asked_for"
