"""The actions of audit events about people and organizations. Their values are stored, so they never change."""

from organizations.audit_events import AuditAction


class Action(AuditAction):
    API_KEY_CREATED = "api_key.created"
    API_KEY_REVOKED = "api_key.revoked"
    INVITATION_SENT = "invitation.sent"
    INVITATION_REVOKED = "invitation.revoked"
    INVITATION_ACCEPTED = "invitation.accepted"
    MEMBER_ADDED = "member.added"
    MEMBER_ROLE_CHANGED = "member.role_changed"
    MEMBER_MOVED = "member.moved"
    MEMBER_LEFT = "member.left"
    MEMBER_REMOVED = "member.removed"
    MEMBER_CREATED_BY_STAFF = "member.created_by_staff"
    ORGANIZATION_CREATED = "organization.created"
    ORGANIZATION_CHANGED = "organization.changed"
    ORGANIZATION_CREATED_BY_STAFF = "organization.created_by_staff"
    ORGANIZATION_CHANGED_BY_STAFF = "organization.changed_by_staff"
    TEAM_CREATED = "team.created"
    TEAM_RENAMED = "team.renamed"
    TEAM_CLOSED = "team.closed"
    USER_CREATED_BY_STAFF = "user.created_by_staff"
    USER_CHANGED_BY_STAFF = "user.changed_by_staff"
