"""How many requests a key may send, and how many keys an address may guess: counted in the process, bounded in memory.

A token bucket each, refilled steadily. Two web processes count apart, so a limit is per process. Nothing is written:
a restart forgets, and a stranger who sends from many addresses pushes out the oldest counts, never anything else.
"""

import hashlib
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest

from organizations.accounts.addresses import client_address
from usage.api.problems import ApiError

# How many keys and addresses are remembered, the latest ones.
MOST_REMEMBERED = 10_000


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_at: float


class Buckets:
    """Token buckets by name. per_minute: how many tokens a full bucket holds and a minute brings. Safe for threads."""

    def __init__(self, per_minute: int) -> None:
        self.per_minute = per_minute
        self._buckets: OrderedDict[bytes | str, _Bucket] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, name: bytes | str, *, tokens: int = 1) -> float:
        """Take tokens and return how many are left; negative: there were too few, and none was taken."""
        now = time.monotonic()
        with self._lock:
            bucket = self._buckets.get(name)
            if bucket is None:
                bucket = self._buckets[name] = _Bucket(self.per_minute, now)
                if len(self._buckets) > MOST_REMEMBERED:
                    self._buckets.popitem(last=False)
            else:
                self._buckets.move_to_end(name)
                grown = bucket.tokens + (now - bucket.filled_at) * self.per_minute / 60
                bucket.tokens, bucket.filled_at = min(self.per_minute, grown), now
            left = bucket.tokens - tokens
            if left >= 0:
                bucket.tokens = left
            return left

    def seconds_until(self, left: float) -> int:
        """In how many whole seconds the bucket will have brought what is missing (a negative number); at least one."""
        return max(1, -int(left * 60 // self.per_minute))


_requests = Buckets(settings.API_REQUESTS_PER_MINUTE)
_refused_keys = Buckets(settings.API_REFUSED_KEYS_PER_MINUTE)
# Keys that were valid a moment ago pass whatever their address has guessed. Digests, so that no key lies around.
_valid: OrderedDict[bytes, None] = OrderedDict()
_valid_lock = threading.Lock()


def admit(request: HttpRequest) -> dict[str, str]:
    """Count a request and return the rate-limit headers of its answer. Raises ApiError (429).

    A request without a key counts as one with a wrong key. The headers' names are the usual ones of the IETF draft
    "RateLimit header fields for HTTP" (version 06).
    """
    digest = _digest(request)
    if digest not in _valid and (left := _refused_keys.take(client_address(request), tokens=0)) < 1:
        raise _too_many("Too many requests without a valid API key.", _refused_keys.seconds_until(left - 1))
    left = _requests.take(digest)
    if left < 0:
        raise _too_many("This API key sends too many requests.", _requests.seconds_until(left))
    reset = str(_requests.seconds_until(left - _requests.per_minute))
    limit = str(_requests.per_minute)
    return {"RateLimit-Limit": limit, "RateLimit-Remaining": str(int(left)), "RateLimit-Reset": reset}


def note(request: HttpRequest, *, is_valid: bool) -> None:
    """Remember a key that was valid; count one that was not against its address."""
    digest = _digest(request)
    if is_valid and digest in _valid:
        return
    with _valid_lock:
        if is_valid:
            _valid[digest] = None
            if len(_valid) > MOST_REMEMBERED:
                _valid.popitem(last=False)
        else:
            _valid.pop(digest, None)
    if not is_valid:
        _refused_keys.take(client_address(request))


def _digest(request: HttpRequest) -> bytes:
    sent = request.META.get("HTTP_AUTHORIZATION", "")
    return hashlib.blake2b(sent.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _too_many(sentence: str, seconds: int) -> ApiError:
    return ApiError("too_many_requests", sentence, headers={"Retry-After": str(seconds)})
