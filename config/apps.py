"""Django's entry for this room: loads the queue and the system checks once settings are there."""

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "config"

    def ready(self) -> None:
        # Imported here, not at the top: both read the settings.
        from config import celery, checks  # noqa: F401, PLC0415
