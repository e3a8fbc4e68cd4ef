"""The actions of audit events about usage. Their values are stored, so they never change."""

from organizations.audit_events import AuditAction


class Action(AuditAction):
    FEATURE_CREATED_BY_STAFF = "feature.created_by_staff"
    FEATURE_CHANGED_BY_STAFF = "feature.changed_by_staff"
    FEATURE_RATE_CREATED = "feature.rate_created"
    FEATURE_RATE_CHANGED = "feature.rate_changed"
    LIMIT_SET = "limit.set"
    LIMIT_RAISED = "limit.raised"
    LIMIT_RAISE_ENDED = "limit.raise_ended"
    LIMIT_CLEARED = "limit.cleared"
    LIMIT_REQUESTED = "limit.requested"
    LIMIT_REQUEST_GRANTED = "limit.request_granted"
    LIMIT_REQUEST_DECLINED = "limit.request_declined"
    SERVICE_AI_SWITCHED_ON = "service.ai_switched_on"
    SERVICE_AI_SWITCHED_OFF = "service.ai_switched_off"
    SERVICE_RENAMED = "service.renamed"
    SERVICE_CHANGED_BY_STAFF = "service.changed_by_staff"
    USAGE_DAYS_ASKED_AGAIN = "usage.days_asked_again"
