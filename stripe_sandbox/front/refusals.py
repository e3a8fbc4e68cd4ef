"""What the sandbox answers when it refuses: Stripe's error objects, with Stripe's types, codes and sentences."""

from typing import Any


class Refusal(Exception):
    """An answer of 4xx. `fields` are the fields of Stripe's error object beside type and message."""

    def __init__(self, message: str, *, status: int = 400, kind: str = "invalid_request_error", **fields: Any) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.fields = {name: value for name, value in fields.items() if value is not None}

    def body(self) -> dict[str, Any]:
        """The JSON answer."""
        return {"error": {"type": self.kind, "message": str(self), **self.fields}}


def missing(param: str) -> Refusal:
    """A required parameter was not sent."""
    return Refusal(f"Missing required param: {param}.", code="parameter_missing", param=param)


def no_such(noun: str, identifier: object, *, param: str | None = None) -> Refusal:
    """An object was named that is not here: 404 in the path, 400 in a parameter, as Stripe does."""
    return Refusal(
        f"No such {noun}: '{identifier}'",
        status=400 if param else 404,
        code="resource_missing",
        param=param or "id",
    )


def unexpected_state(message: str, **fields: Any) -> Refusal:
    """The object is in a state in which this can't be done."""
    return Refusal(message, code=fields.pop("code", "payment_intent_unexpected_state"), **fields)
