"""`python -m demo.manage COMMAND`: Django's command line on the demo's embedded servers."""

import os
import sys

from config import embedded


def main() -> None:
    """Run a command on the embedded servers. Exits with a message where an installation's database is named."""
    if "DATABASE_URL" in os.environ:
        sys.exit("DATABASE_URL names another database than the demo's; use manage.py, or unset it.")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    embedded.fill_environment()
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
