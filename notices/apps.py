from django.apps import AppConfig


class NoticesConfig(AppConfig):
    name = "notices"

    def ready(self) -> None:
        """Hear of addresses that prove to work again."""
        from allauth.account import signals  # noqa: PLC0415 - models must be there first

        from notices import addresses  # noqa: PLC0415

        signals.email_confirmed.connect(addresses.on_email_confirmed, dispatch_uid="notices")
        signals.authentication_step_completed.connect(addresses.on_step_completed, dispatch_uid="notices")
