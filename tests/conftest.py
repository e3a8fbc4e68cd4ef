"""The cast and the stage of every test."""

import os

from config import embedded

embedded.fill_environment()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
