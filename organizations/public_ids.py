"""Public identifiers: random, prefixed by what they name; integer keys stay inside."""

import secrets
import uuid

import uuid_utils.compat

# Crockford's alphabet without i, l, o and u: nobody mistakes a letter for a digit over the phone.
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def new_public_id(prefix: str) -> str:
    """Return a fresh identifier such as `usr_7k2m…`: the prefix and 20 random characters (100 bits)."""
    return prefix + "_" + "".join(secrets.choice(ALPHABET) for _ in range(20))


def new_code(length: int) -> str:
    """Return random letters and digits, in capitals, for a person to read aloud."""
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
    """Return a time-ordered identifier (UUID version 7): its index grows at one end, which keeps the write-ahead
    log of a large table about four times smaller than random keys do."""
    return uuid_utils.compat.uuid7()


def webhook_endpoint_id() -> str:
    return new_public_id("whe")
