from django.apps import AppConfig


class DomainEventsConfig(AppConfig):
    name = "domain_events"

    def ready(self) -> None:
        """Load the system check of declarations."""
        from domain_events import checks  # noqa: F401, PLC0415 - models must be there first
