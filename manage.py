#!/usr/bin/env python
"""Django's command line for an installation. The demo's own is `python -m demo.manage`."""

import os
import sys


def main() -> None:
    if "DATABASE_URL" not in os.environ:
        sys.exit("DATABASE_URL is not set: name the database. For the demo's, run python -m demo.manage instead.")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
