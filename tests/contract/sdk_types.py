"""JSON Schema of Stripe's API, read from the sources of an installed `stripe` package.

Nothing is imported: the generated files are read as syntax trees, so two versions can be compared side by side.
Definitions are built when first asked for; a definition's name is "module:Qualified.Name".
"""

import ast
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

Schema = dict[str, Any]

NULL: Schema = {"type": "null"}
TEXT: Schema = {"type": "string"}
ANYTHING: Schema = {}
SIMPLE: dict[str, Schema] = {
    "str": TEXT,
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "Decimal": {"type": "string", "pattern": r"^-?\d+(\.\d+)?$"},
    "Any": ANYTHING,
    "object": ANYTHING,
    "None": NULL,
    "Dict": {"type": "object"},
    "StripeObject": {"type": "object"},
    "UntypedStripeObject": {"type": "object"},
}
# Options of a call, which some parameter types carry along; they travel as headers.
CALL_OPTIONS = {
    "idempotency_key",
    "stripe_version",
    "stripe_account",
    "stripe_context",
    "api_key",
    "content_type",
    "headers",
    "max_network_retries",
}


class UnreadableType(Exception):
    """The package has an annotation of a form that this reader does not know yet."""


@dataclass(frozen=True)
class Operation:
    """One call of the API: verb in lower case, path with {places}, and the schemas of its parameters and answer."""

    verb: str
    path: str
    function: ast.FunctionDef
    module: str
    scope: str

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """What a concrete path of this operation matches."""
        return re.compile("^" + re.sub(r"\{[^}]+\}", "[^/]+", self.path) + "$")

    @property
    def name(self) -> str:
        """Verb and path without the names of the places: the same in every version of the package."""
        return f"{self.verb.upper()} {re.sub(r'{[^}]+}', '{}', self.path)}"


@dataclass(frozen=True)
class Module:
    """The classes of a source file by qualified name, and what it imports by local name."""

    classes: dict[str, ast.ClassDef]
    imports: dict[str, tuple[str, str]]


class SdkTypes:
    """The types of the `stripe` package in `package` (its folder). `definitions` grows as types are asked for."""

    def __init__(self, package: Path) -> None:
        self.package = package
        self.definitions: dict[str, Schema] = {}
        self._modules: dict[str, Module] = {}

    # Operations

    @cached_property
    def operations(self) -> list[Operation]:
        """Every operation of the v1 API that the package's services call."""
        files = sorted(self.package.rglob("*_service.py"))
        relative = [path.relative_to(self.package.parent) for path in files]
        modules = [".".join(path.with_suffix("").parts) for path in relative if "v2" not in path.parts]
        return [operation for module in modules for operation in self._operations_of(module)]

    def _operations_of(self, module: str) -> list[Operation]:
        return [
            Operation(call.args[0].value, _template(call.args[1]), function, module, scope)
            for scope, cls in self._module(module).classes.items()
            for function in cls.body
            if isinstance(function, ast.FunctionDef)
            for call in ast.walk(function)
            if isinstance(call, ast.Call)
            and isinstance(call.func, ast.Attribute)
            and call.func.attr == "_request"
            and isinstance(call.args[0], ast.Constant)
            and isinstance(call.args[0].value, str)
        ]

    def find(self, verb: str, path: str) -> Operation | None:
        """The operation for a concrete path; the most literal one where several match (`/search` over `/{id}`)."""
        matching = [each for each in self.operations if each.verb == verb.lower() and each.pattern.match(path)]
        return min(matching, key=lambda each: each.path.count("{"), default=None)

    def parameters(self, operation: Operation) -> Schema:
        """The schema of an operation's parameters; an empty closed object where it takes none."""
        for argument in operation.function.args.args:
            if argument.arg == "params" and argument.annotation is not None:
                schema = self._read(argument.annotation, operation.module, operation.scope)
                choices: list[Schema] = [choice for choice in schema.get("anyOf", [schema]) if choice != NULL]
                return choices[0]
        return {"type": "object", "properties": {}, "additionalProperties": False}

    def answer(self, operation: Operation) -> Schema:
        """The schema of what an operation answers when it works."""
        if operation.function.returns is None:
            raise UnreadableType(f"{operation.name} does not say what it returns")
        return self._read(operation.function.returns, operation.module, operation.scope)

    def resource(self, name: str) -> Schema:
        """The schema of the resource whose `object` field says `name`. Raises KeyError for names nobody knows."""
        module, cls = self._resources[name]
        return self._reference(f"{module}:{cls}")

    @cached_property
    def _resources(self) -> dict[str, tuple[str, str]]:
        tree = ast.parse((self.package / "_object_classes.py").read_text())
        tables = [node.value for node in tree.body if isinstance(node, ast.AnnAssign) and node.value is not None]
        found: dict[str, tuple[str, str]] = {}
        for table in tables:
            found |= ast.literal_eval(table)
        return found

    # Source files

    def _module(self, name: str) -> Module:
        if name not in self._modules:
            base = self.package.joinpath(*name.split(".")[1:])
            source = base.with_suffix(".py") if base.with_suffix(".py").is_file() else base / "__init__.py"
            module = Module({}, {})
            _collect(ast.parse(source.read_text(encoding="utf-8")).body, "", module)
            self._modules[name] = module
        return self._modules[name]

    def _resolve(self, module: str, scope: str, name: str) -> str | None:
        """The definition that `name` means inside `scope`, or None if the package does not define it."""
        found = self._module(module)
        parts = scope.split(".") if scope else []
        for depth in range(len(parts), -1, -1):
            qualified = ".".join([*parts[:depth], name])
            if qualified in found.classes:
                return f"{module}:{qualified}"
        origin, original = found.imports.get(name, ("", ""))
        return self._resolve(origin, "", original) if origin.startswith("stripe") else None

    # Annotations

    def _read(self, node: ast.expr, module: str, scope: str) -> Schema:
        match node:
            case ast.Constant(value=None):
                return NULL
            case ast.Constant(value=str(text)):
                return self._read(ast.parse(text, mode="eval").body, module, scope)
            case ast.BinOp(left=left, op=ast.BitOr(), right=right):
                return _union([self._read(left, module, scope), self._read(right, module, scope)])
            case ast.Attribute(attr=name) | ast.Name(id=name):
                return self._read_name(name, module, scope)
            case ast.Subscript(value=ast.Name(id=head) | ast.Attribute(attr=head), slice=inner):
                arguments = inner.elts if isinstance(inner, ast.Tuple) else [inner]
                return self._read_generic(head, arguments, module, scope)
        raise UnreadableType(f"{module}: {ast.unparse(node)}")

    def _read_name(self, name: str, module: str, scope: str) -> Schema:
        if name in SIMPLE:
            return SIMPLE[name]
        definition = self._resolve(module, scope, name)
        if definition is None:
            raise UnreadableType(f"{module}: {name}")
        return self._reference(definition)

    def _read_generic(self, head: str, arguments: list[ast.expr], module: str, scope: str) -> Schema:
        if head == "Literal":
            return {"enum": [ast.literal_eval(argument) for argument in arguments]}
        inner = [self._read(argument, module, scope) for argument in arguments]
        match head:
            case "NotRequired" | "Required" | "ClassVar":
                return inner[0]
            case "Optional":
                return _union([*inner, NULL])
            case "Union":
                return _union(inner)
            case "ExpandableField":
                return _union([TEXT, *inner])
            case "List" | "Sequence" | "list":
                return {"type": "array", "items": inner[0]}
            case "Dict" | "Mapping" | "UntypedStripeObject":
                return {"type": "object", "additionalProperties": inner[-1]}
            case "ListObject" | "SearchResultObject":
                return _list_of(inner[0], searched=head == "SearchResultObject")
        raise UnreadableType(f"{module}: {head}[…]")

    def _reference(self, definition: str) -> Schema:
        if definition not in self.definitions:
            self.definitions[definition] = {}  # types refer to themselves
            self.definitions[definition] = self._build(definition)
        return {"$ref": f"urn:stripe:{definition}"}

    def _build(self, definition: str) -> Schema:
        module, scope = definition.split(":")
        cls = self._module(module).classes[scope]
        is_parameters = module.startswith("stripe.params.")
        properties: dict[str, Schema] = {}
        required: list[str] = []
        for field in cls.body:
            if not isinstance(field, ast.AnnAssign) or not isinstance(field.target, ast.Name):
                continue
            name, text = field.target.id, ast.unparse(field.annotation).strip("'\"")
            if name.startswith("_") or text.startswith("ClassVar") or (is_parameters and name in CALL_OPTIONS):
                continue
            properties[name] = self._read(field.annotation, module, scope)
            if not text.startswith("NotRequired[" if is_parameters else "Optional["):
                required.append(name)
        return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _collect(body: list[ast.stmt], scope: str, into: Module) -> None:
    for node in body:
        if isinstance(node, ast.ClassDef):
            qualified = f"{scope}.{node.name}" if scope else node.name
            into.classes[qualified] = node
            _collect(node.body, qualified, into)
        elif isinstance(node, ast.ImportFrom) and node.module:
            into.imports.update({alias.asname or alias.name: (node.module, alias.name) for alias in node.names})
        elif isinstance(node, ast.If):
            _collect(node.body, scope, into)


def _template(node: ast.expr) -> str:
    """The path of a call, which is written plainly or as "…{place}…".format(…)."""
    match node:
        case ast.Constant(value=str(path)):
            return path
        case ast.Call(func=ast.Attribute(value=ast.Constant(value=str(path)), attr="format")):
            return path
    raise UnreadableType(f"a path written as {ast.unparse(node)}")


def _union(parts: list[Schema]) -> Schema:
    choices: list[Schema] = []
    for part in parts:
        for choice in part["anyOf"] if set(part) == {"anyOf"} else [part]:
            if choice not in choices:
                choices.append(choice)
    # Union[Literal[…], str] is Stripe's "more may come"; in tests nothing more comes. Literal[""] alone means "unset".
    named = [choice["enum"] for choice in choices if "enum" in choice]
    if named and named != [[""]]:
        choices = [choice for choice in choices if choice != TEXT]
    return choices[0] if len(choices) == 1 else {"anyOf": choices}


def _list_of(item: Schema, *, searched: bool) -> Schema:
    properties: Schema = {
        "object": {"enum": ["search_result" if searched else "list"]},
        "url": TEXT,
        "has_more": {"type": "boolean"},
        "total_count": {"type": "integer"},
        "data": {"type": "array", "items": item},
    }
    if searched:
        properties["next_page"] = {"anyOf": [TEXT, NULL]}
    return {
        "type": "object",
        "required": ["object", "url", "has_more", "data"],
        "properties": properties,
        "additionalProperties": False,
    }
