"""Runs the payments sandbox, the local stand-in for Stripe. Thin: everything is in billing.sandbox."""

import argparse
from typing import Any

from django.core.management.base import BaseCommand

from billing.sandbox import command

FLAGS = ("host", "port", "data", "webhook_url", "webhook_secret")


class Command(BaseCommand):
    help = "Runs a local stand-in for Stripe, for development and tests. No money moves."
    requires_system_checks = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        command.add_arguments(parser)

    def handle(self, *_args: Any, **options: Any) -> None:
        command.run(**{name: options[name] for name in FLAGS})
