"""The actions of audit events about webhooks. Their values are stored, so they never change."""

from organizations.audit_events import AuditAction


class Action(AuditAction):
    WEBHOOK_ENDPOINT_CREATED = "webhook_endpoint.created"
    WEBHOOK_ENDPOINT_CHANGED = "webhook_endpoint.changed"
    WEBHOOK_ENDPOINT_TESTED = "webhook_endpoint.tested"
    WEBHOOK_ENDPOINT_DISABLED = "webhook_endpoint.disabled"
    WEBHOOK_ENDPOINT_ENABLED = "webhook_endpoint.enabled"
    WEBHOOK_ENDPOINT_GONE = "webhook_endpoint.gone"
    WEBHOOK_ENDPOINT_SECRET_ROTATED = "webhook_endpoint.secret_rotated"  # noqa: S105 - no secret
    WEBHOOK_DELIVERY_REPLAYED = "webhook_delivery.replayed"
