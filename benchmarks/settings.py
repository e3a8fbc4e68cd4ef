"""The settings of the measured server: the product's own, with one more address that does nothing."""

from config.settings import *  # noqa: F403

ROOT_URLCONF = "benchmarks.urls"
