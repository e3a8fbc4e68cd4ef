"""The settings of the tests and of the server they start: config.settings, with what a test may not wait for.

Only speed and the outer world differ: a fast password hash, no broker, mail kept in memory. Rules stay as shipped.
"""

from config.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
# Nudges to background jobs go nowhere; a test calls the job that it wants.
REDIS_URL = "memory://"
# All tests come from one address; those about this limit set it as it ships.
API_REFUSED_KEYS_PER_MINUTE = 1_000_000
