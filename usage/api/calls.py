"""The description of a call, for its route and for OpenAPI, and the error handling around every call."""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal

import msgspec
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.views.decorators.csrf import csrf_exempt

from credits.ledger import ClockSteppedBack
from usage.api import rate_limits
from usage.api.problems import ApiError, from_refusal, json_response, respond, unavailable
from usage.uses import UseRefusal

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a call, in OpenAPI's words."""

    name: str
    where: Literal["path", "query", "header"]
    description: str
    schema: dict[str, Any]
    is_required: bool = True


@dataclass(frozen=True, slots=True)
class Call:
    """A call of the API. path: OpenAPI's template. problems: types beyond those that every call may answer."""

    name: str
    method: Literal["GET", "POST"]
    path: str
    summary: str
    description: str
    view: Callable[..., HttpResponse]
    answer: type[msgspec.Struct]
    scope: Literal["read", "spend"]
    status: int = 200
    body: type[msgspec.Struct] | None = None
    parameters: tuple[Parameter, ...] = ()
    problems: tuple[str, ...] = ()
    is_replayable: bool = False

    def route(self) -> URLPattern:
        """Return the address of the call; its parameters are strings, judged by the view."""
        pattern = re.sub(r"{(\w+)}", r"<str:\1>", self.path.removeprefix("/"))
        return path(pattern, framed(self), name=f"api_{self.name}")


def framed(call: Call) -> Callable[..., HttpResponse]:
    """Return the call's view inside the frame that bounds how often it is asked and turns what it raises into problem
    documents."""

    @csrf_exempt
    def view(request: HttpRequest, **parts: str) -> HttpResponse:
        try:
            headers = rate_limits.admit(request)
        except ApiError as refused:
            return respond(refused)
        response = _answered(call, request, parts)
        rate_limits.note(request, is_valid=response.status_code != HTTPStatus.UNAUTHORIZED)
        for name, value in headers.items():
            response.headers[name] = value
        return response

    return view


def _answered(call: Call, request: HttpRequest, parts: dict[str, str]) -> HttpResponse:
    try:
        if request.method != call.method:
            return respond(other_method(call.method))
        return call.view(request, **parts)
    except ApiError as refused:
        return respond(refused)
    except UseRefusal as refusal:
        return respond(from_refusal(refusal))
    except (DatabaseError, ClockSteppedBack) as error:
        # The kind and the server's code only: messages may quote rows.
        state = getattr(error.__cause__, "sqlstate", None)
        logger.warning("%s failed: %s %s", call.name, type(error).__name__, state or "")
        return respond(unavailable())
    except Exception:
        logger.exception("%s failed", call.name)
        return respond(ApiError("internal_error", "Something went wrong on our side and was logged."))


def other_method(allowed: str) -> ApiError:
    """Return the error of a method that the address doesn't allow."""
    return ApiError("method_not_allowed", f"This address answers {allowed} only.", headers={"Allow": allowed})


def answer(content: msgspec.Struct, *, status: int = 200, was_replayed: bool = False) -> HttpResponse:
    """Return an answer as JSON; a replay has a header that says so."""
    response = json_response(content, status=status)
    if was_replayed:
        response["Idempotent-Replayed"] = "true"
    return response
