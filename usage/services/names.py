"""What owners change of a service: its name. Its key is the callers' and stays; its AI switch is `ai_switch`."""

from datetime import datetime

from django.db import transaction

from organizations import audit_events
from organizations.models import User
from usage.audit_actions import Action
from usage.models import Service


def rename_service(*, service: Service, name: str, actor: User, now: datetime | None = None) -> None:
    """Give a service another name, at most 150 characters. Its own name changes and records nothing."""
    with transaction.atomic():
        locked = Service.objects.select_for_update(no_key=True).get(pk=service.pk)
        if locked.name == name:
            return
        details = {"from": locked.name, "to": name}
        locked.name = name
        locked.save(update_fields=["name"])
        audit_events.record(
            action=Action.SERVICE_RENAMED,
            organization=service.organization,
            actor=actor,
            target=service.key,
            details=details,
            now=now,
        )
