"""Reading requests strictly: bodies, headers, query parameters, identifiers. Errors name the field.

Nothing is coerced: no booleans or strings for numbers, no floats, no unknown fields, no name twice in an object.
"""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest
from django.http.request import UnreadablePostError

from usage.api.problems import ApiError, invalid
from usage.api.schemas import IDEMPOTENCY_KEY

T = TypeVar("T")

KEY = re.compile(IDEMPOTENCY_KEY)
HEX = re.compile(r"[0-9a-f]{32}")
WHERE = re.compile(r"(?P<sentence>.*?)(?: - at (?P<inside>`key` in )?`\$\.?(?P<path>[^`]*)`)?$", re.DOTALL)
NAMED = re.compile(r"(?P<what>Object missing required|Object contains unknown) field `(?P<field>[^`]*)`")


def body_of(request: HttpRequest, decoder: msgspec.json.Decoder[T]) -> T:
    """Return the request's body. Raises ApiError (413, 415, 422)."""
    return decode(read(request), decoder)


def read(request: HttpRequest) -> bytes:
    """Return the request's body as it came. Raises ApiError (413, 415, 422)."""
    if request.content_type != "application/json":
        raise ApiError("unsupported_media_type", "The body must be JSON. Send “Content-Type: application/json”.")
    try:
        body = request.body
    except RequestDataTooBig:
        detail = f"The body may have up to {settings.DATA_UPLOAD_MAX_MEMORY_SIZE} bytes."
        raise ApiError("content_too_large", detail) from None
    except UnreadablePostError:
        raise invalid("", "The body is incomplete.") from None
    return body


def decode(body: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    """Return a JSON text as the decoder's type. Raises ApiError (422), naming the field.

    A name that comes twice in an object is refused, since readers differ in which of its values they take.
    """
    with _explained_refusals():
        decoded = decoder.decode(body)
        _refuse_repeated(_names(body))
    return decoded


def decode_items(body: bytes, decoder: msgspec.json.Decoder[T], field: str) -> tuple[T, list[Any]]:
    """Like `decode`, for a body whose list `field` holds objects that `decode_item` decodes one by one.

    Also returns each object's names, for `decode_item`: they are read once for all.
    """
    with _explained_refusals():
        decoded = decoder.decode(body)
        names = _names(body)
        _refuse_repeated(names)
    return decoded, names[field]


def decode_item(item: msgspec.Raw, names: Any, decoder: msgspec.json.Decoder[T]) -> T:
    """Return one object of such a list. Raises ApiError (422), naming the field."""
    with _explained_refusals():
        decoded = decoder.decode(item)
        _refuse_repeated(names)
    return decoded


@contextmanager
def _explained_refusals() -> Iterator[None]:
    try:
        yield
    except msgspec.ValidationError as error:
        raise _explained(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise invalid("", "The body is not valid JSON in UTF-8.") from None
    except RecursionError:
        raise invalid("", "The body is nested too deeply.") from None


class _Repeated(str):
    """A name that comes twice in an object; takes the object's place."""

    __slots__ = ()


def _names(body: bytes) -> Any:
    # Numbers stay text: Python refuses to make one of more than 4,300 digits, and only names matter here.
    return json.loads(body, object_pairs_hook=_object, parse_int=str, parse_float=str)


def _object(pairs: list[tuple[str, Any]]) -> Any:
    """The object, or the first name that comes twice in it or in an object that is a value of it."""
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        return _Repeated(next(name for name in names if names.count(name) > 1))
    return next((value for value in found.values() if isinstance(value, _Repeated)), found)


def _refuse_repeated(names: Any) -> None:
    if isinstance(names, _Repeated):
        raise invalid(str(names), "This field is repeated.")


def _explained(message: str) -> ApiError:
    """Turn the decoder's message into a field and a sentence."""
    match = WHERE.match(message)
    sentence, path = (match["sentence"], match["path"] or "") if match else (message, "")
    named = NAMED.match(sentence)
    if named:
        path = f"{path}.{named['field']}".removeprefix(".")
        sentence = "This field is required." if "missing" in named["what"] else "Unknown field."
    elif "matching regex" in sentence:
        sentence = "Must not be empty or contain characters that are not allowed."
    sentence = sentence.replace("`", "").replace(" | null", "")
    return invalid(path, sentence if sentence.endswith(".") else f"{sentence}.")


def idempotency_key(request: HttpRequest) -> str:
    """Return the request's idempotency key: 1 to 200 printable ASCII characters. Raises ApiError (422)."""
    key: str = request.META.get("HTTP_IDEMPOTENCY_KEY", "")
    if not KEY.fullmatch(key):
        raise invalid("Idempotency-Key", "This header is required: 1 to 200 printable ASCII characters.")
    return key


def public_id(prefix: str, value: UUID) -> str:
    """Return an identifier as the API shows it: `use_` and 32 hexadecimal digits."""
    return f"{prefix}_{value.hex}"


def parse_id(prefix: str, text: str) -> UUID:
    """Return the identifier that `public_id` made. Raises ApiError (404) for anything else."""
    start, _, digits = text.partition("_")
    if start != prefix or not HEX.fullmatch(digits):
        raise ApiError("not_found", "Nothing has this id, or this key can't access its organization.")
    return UUID(hex=digits)


def query_of(request: HttpRequest, allowed: Sequence[str]) -> dict[str, str]:
    """Return the query's parameters. Raises ApiError (422) for an unknown one, and for one that comes twice."""
    found = {}
    for name, values in request.GET.lists():
        if name not in allowed:
            raise invalid(name, "Unknown parameter.")
        if len(values) > 1:
            raise invalid(name, "This parameter is repeated.")
        found[name] = values[0]
    return found


def number_in(query: dict[str, str], name: str, *, default: int, most: int) -> int:
    """Return a whole number from 1 to `most` in plain digits. Raises ApiError (422)."""
    text = query.get(name)
    if text is None:
        return default
    if not re.fullmatch(r"[1-9][0-9]{0,9}", text) or int(text) > most:
        raise invalid(name, f"Must be a whole number from 1 to {most}.")
    return int(text)
