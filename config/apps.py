"""Django's entry for this room: loads the queue and the system checks, and installs the schedule."""

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "config"

    def ready(self) -> None:
        # Imported here, not at the top: they read the settings and the models.
        from config import celery, checks, schedule  # noqa: F401, PLC0415
        from jobs.schedule import install  # noqa: PLC0415

        install(schedule.SCHEDULE)
