"""Public identifiers: random, with a prefix for what they name. Integer keys are never shown."""

import secrets
import uuid

import uuid_utils.compat

# Crockford's alphabet: no i, l, o and u, so that no letter is mistaken for a digit.
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def new_public_id(prefix: str) -> str:
    """Return a new identifier such as `usr_7k2m…`: the prefix and 20 random characters (100 bits)."""
    return prefix + "_" + "".join(secrets.choice(ALPHABET) for _ in range(20))


def new_code(length: int) -> str:
    """Return random capitals and digits, to be read aloud."""
    return "".join(secrets.choice(ALPHABET) for _ in range(length)).upper()


def user_id() -> str:
    return new_public_id("usr")


def team_id() -> str:
    return new_public_id("team")


def invitation_id() -> str:
    return new_public_id("inv")


def api_key_id() -> str:
    return new_public_id("key")


def new_uuid() -> uuid.UUID:
    """Return a time-ordered identifier (UUID version 7).

    Its index grows at one end, which makes the write-ahead log of a large table about four times smaller.
    """
    return uuid_utils.compat.uuid7()


def webhook_endpoint_id() -> str:
    return new_public_id("whe")
