"""The actions of audit events about notices and their mails. Their values are stored, so they never change."""

from organizations.audit_events import AuditAction


class Action(AuditAction):
    NOTICE_DISMISSED = "notice.dismissed"
    NOTICE_MAIL_SENT_AGAIN = "notice_mail.sent_again"
    REFUSED_ADDRESS_LIFTED = "refused_address.lifted"
    NOTICES_SUBSCRIBED = "notices.subscribed"
    NOTICES_UNSUBSCRIBED = "notices.unsubscribed"
