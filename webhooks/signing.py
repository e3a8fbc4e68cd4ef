"""Signatures by the Standard Webhooks specification (1.0.0, symmetric), and how secrets are kept.

A secret is encrypted under a key derived from SECRET_KEY, so that a dump of the database alone gives none away. Written
here and not taken from a library: it is an HMAC over three parts, and the one package there is only wraps that.
"""

import base64
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.utils.crypto import salted_hmac

PREFIX = "whsec_"
# The specification asks for 24 to 64.
SECRET_BYTES = 32


class UnreadableSecret(Exception):
    """The secret was encrypted under another SECRET_KEY, which is not among SECRET_KEY_FALLBACKS either."""


def new_secret() -> str:
    """Return a fresh secret as its owner is shown it: `whsec_` and 32 random bytes in base64."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def seal(secret: str) -> str:
    """Encrypt a secret for the database."""
    return _cipher().encrypt(secret.removeprefix(PREFIX).encode()).decode()


def unseal(sealed: str) -> str:
    """Decrypt what `seal` gave. Raises UnreadableSecret."""
    try:
        return PREFIX + _cipher().decrypt(sealed.encode()).decode()
    except InvalidToken as error:
        raise UnreadableSecret from error


def headers(*, message_id: str, body: bytes, secrets: Sequence[str], now: datetime) -> dict[str, str]:
    """Return the three headers of a message that is sent now, signed with each of the secrets."""
    timestamp = str(int(now.timestamp()))
    content = f"{message_id}.{timestamp}.".encode() + body
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(_signature(secret, content) for secret in secrets),
    }


def _signature(secret: str, content: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    return "v1," + base64.b64encode(hmac.digest(key, content, "sha256")).decode()


def _cipher() -> MultiFernet:
    """The first key encrypts; keys of earlier SECRET_KEYs still decrypt."""
    return MultiFernet([_key(secret) for secret in [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]])


def _key(secret: str | bytes) -> Fernet:
    derived = salted_hmac("webhooks.signing", "secrets", secret, algorithm="sha256").digest()
    return Fernet(base64.urlsafe_b64encode(derived))
