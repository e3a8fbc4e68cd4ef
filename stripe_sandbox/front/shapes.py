"""Stripe's types as data: converts parameters, refuses wrong ones, and provides skeletons of objects.

The data, shapes.json, is made from the pinned `stripe` package by `python -m tests.contract.shapes`.
"""

import copy
import json
import re
from pathlib import Path
from typing import Any

from stripe_sandbox.front.errors import ApiError, missing

Thing = dict[str, Any]

PATH = Path(__file__).with_name("shapes.json")
_SHAPES: Thing = (
    json.loads(PATH.read_text()) if PATH.exists() else {"api_version": "", "parameters": {}, "resources": {}}
)
API_VERSION: str = _SHAPES["api_version"]
PARTS = re.compile(r"[^\[\]]+|(?<=\[)(?=\])")
_UNFIT = object()


def skeleton(resource: str, **fields: Any) -> Thing:
    """A new object with every field that Stripe's has, null or blank, and these fields set."""
    blank: Thing = copy.deepcopy(_SHAPES["resources"][resource])
    return blank | fields


def decode(pairs: list[tuple[str, str]]) -> Thing:
    """Form fields such as `a[b][0][c]` and `a[]` as nested dicts and lists of strings."""
    root: Thing = {}
    for name, value in pairs:
        here = root
        *path, last = PARTS.findall(name)
        for part in path:
            inner = here.setdefault(part or str(len(here)), {})
            if not isinstance(inner, dict):
                raise ApiError(f"Invalid form field: {name}")
            here = inner
        here[last or str(len(here))] = value
    return {name: _with_lists(value) for name, value in root.items()}


def _with_lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {name: _with_lists(each) for name, each in value.items()}
    if inner and set(inner) == {str(index) for index in range(len(inner))}:
        return [inner[str(index)] for index in range(len(inner))]
    return inner


def typed(operation: str, params: Thing, *, strict: bool) -> Thing:
    """The parameters of an operation, converted. `strict` refuses what our API version does not know.

    Raises ApiError as Stripe does: parameter_unknown, parameter_missing, or a sentence about the value.
    """
    shape = _SHAPES["parameters"].get(operation)
    if shape is None:
        return params
    if strict:
        if "payment_method_types" in params and "payment_method_types" not in shape["object"]:
            raise ApiError(
                "The parameter `payment_method_types` is no longer supported.",
                code="payment_method_types_no_longer_supported",
                param="payment_method_types",
            )
        return _object(params, shape, "")
    loose = _fit(params, shape, loose=True)
    return loose if isinstance(loose, dict) else params


def _strictly(value: Any, shape: Any, where: str) -> Any:
    """The converted value. Raises ApiError with the parameter's name."""
    if isinstance(shape, dict) and "object" in shape and isinstance(value, dict):
        return _object(value, shape, where)
    if isinstance(shape, dict) and "list" in shape and isinstance(value, list):
        return [_strictly(each, shape["list"], f"{where}[{index}]") for index, each in enumerate(value)]
    if isinstance(shape, dict) and "any_of" in shape and isinstance(value, dict | list):
        nested = [each for each in shape["any_of"] if isinstance(each, dict) and ("object" in each or "list" in each)]
        if len(nested) == 1:
            return _strictly(value, nested[0], where)
    result = _fit(value, shape, loose=False)
    if result is _UNFIT:
        raise ApiError(_complaint(value, shape, where), param=where)
    return result


def _object(value: Thing, shape: Thing, where: str) -> Thing:
    for name in value:
        if name not in shape["object"]:
            full = f"{where}[{name}]" if where else name
            raise ApiError(f"Received unknown parameter: {full}", code="parameter_unknown", param=full)
    for name in shape.get("required", ()):
        if name not in value:
            raise missing(f"{where}[{name}]" if where else name)
    return {
        name: _strictly(each, shape["object"][name], f"{where}[{name}]" if where else name)
        for name, each in value.items()
    }


def _complaint(value: Any, shape: Any, where: str) -> str:
    if shape == "integer":
        return f"Invalid integer: {value}"
    if shape == "boolean":
        return f"Invalid boolean: {value}"
    if isinstance(shape, dict) and "enum" in shape:
        return f"Invalid {where}: must be one of {', '.join(map(str, shape['enum']))}"
    return f"Invalid {where}"


def _fit(value: Any, shape: Any, *, loose: bool) -> Any:
    """The value in the shape's types, or _UNFIT; loosely, whatever does not fit stays as it came."""
    if isinstance(shape, str):
        fitted = _fit_simple(value, shape)
    elif "any_of" in shape:
        choices = (_fit(value, choice, loose=False) for choice in shape["any_of"])
        fitted = next((each for each in choices if each is not _UNFIT), _UNFIT)
    elif "enum" in shape:
        fitted = value if value in shape["enum"] else _UNFIT
    elif "list" in shape:
        fitted = _fit_list(value, shape["list"], loose=loose)
    else:
        fitted = _fit_object(value, shape, loose=loose)
    return value if fitted is _UNFIT and loose else fitted


def _fit_list(value: Any, shape: Any, *, loose: bool) -> Any:
    inner = list(value.values()) if loose and isinstance(value, dict) else value
    if not isinstance(inner, list):
        return _UNFIT
    fitted = [_fit(each, shape, loose=loose) for each in inner]
    return _UNFIT if any(each is _UNFIT for each in fitted) else fitted


def _fit_object(value: Any, shape: Any, *, loose: bool) -> Any:
    if isinstance(value, list):  # metadata[0]=x
        value = {str(index): each for index, each in enumerate(value)}
    if not isinstance(value, dict):
        return _UNFIT
    if "map" in shape:
        return value
    known = shape["object"]
    if not loose and (set(value) - set(known) or set(shape.get("required", ())) - set(value)):
        return _UNFIT
    fitted_fields = {name: _fit(each, known.get(name, "anything"), loose=loose) for name, each in value.items()}
    return _UNFIT if _UNFIT in fitted_fields.values() else fitted_fields


def _fit_simple(value: Any, shape: str) -> Any:
    match shape, value:
        case "anything", _:
            return value
        case "string", str():
            return value
        case "integer", str() if re.fullmatch(r"-?\d+", value):
            return int(value)
        case "number", str() if re.fullmatch(r"-?\d+(\.\d+)?", value):
            return float(value)
        case "boolean", "true" | "false":
            return value == "true"
    return _UNFIT
