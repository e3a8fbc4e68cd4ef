"""Errors of the API: Stripe's error objects, with Stripe's types, codes and messages."""

from typing import Any


class ApiError(Exception):
    """An answer of 4xx. `fields`: the fields of Stripe's error object other than type and message."""

    def __init__(self, message: str, *, status: int = 400, kind: str = "invalid_request_error", **fields: Any) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.fields = {name: value for name, value in fields.items() if value is not None}

    def body(self) -> dict[str, Any]:
        """The JSON answer."""
        return {"error": {"type": self.kind, "message": str(self), **self.fields}}


def missing(param: str) -> ApiError:
    """A required parameter was not sent."""
    return ApiError(f"Missing required param: {param}.", code="parameter_missing", param=param)


def no_such(noun: str, identifier: object, *, param: str | None = None) -> ApiError:
    """An object that is named does not exist: 404 in the path, 400 in a parameter, as at Stripe."""
    return ApiError(
        f"No such {noun}: '{identifier}'",
        status=400 if param else 404,
        code="resource_missing",
        param=param or "id",
    )


def unexpected_state(message: str, **fields: Any) -> ApiError:
    """The object is in a state in which this can't be done."""
    return ApiError(message, code=fields.pop("code", "payment_intent_unexpected_state"), **fields)
