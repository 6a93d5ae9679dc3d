"""Templates with their parameters, down to the resources that they would have made.

What only Azure knows, as an endpoint, is a text in angle brackets that says whose and which it is."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tree_sitter import Node

from tests.bicep.expressions import Expressions, Names
from tests.bicep.functions import PURE, SUBSCRIPTION, loading
from tests.bicep.syntax import DECLARED, Refused, Wrong, declared, kind, name_of, parse, text

KINDS = {"string": str, "int": int, "bool": bool, "array": list, "object": dict}


@dataclass(frozen=True)
class Resource:
    """One that would be deployed. `owner` is what it extends or belongs to, by id."""

    file: str
    type: str
    version: str
    name: str
    id: str
    owner: str
    body: dict[str, Any]


@dataclass
class Handle:
    """A declared resource, deployed or existing: its place in its file."""

    template: "Template"
    node: Node
    parent: "Handle | None"
    names: Names
    kind: str = ""
    version: str = ""
    existing: bool = False

    def __post_init__(self) -> None:
        declared_as = self.template.value(kind(self.node, "string"), {})
        self.kind, _, self.version = declared_as.partition("@")
        if self.parent and not self.version:
            self.kind, self.version = f"{self.parent.kind}/{self.kind}", self.parent.version
        self.existing = any(c.type == "existing" for c in self.node.children)

    @property
    def owner(self) -> "Handle | None":
        found = self.template.member(self.body_node, "parent")
        return self.template.value(found, self.names) if found is not None else self.parent

    @property
    def body_node(self) -> Node:
        node = self.node.named_children[-1]
        while node.type in ("for_statement", "if_statement"):
            node = node.named_children[-1]
        return node

    @property
    def deployed(self) -> bool:
        node = self.node.named_children[-1]
        node = node.named_children[-1] if node.type == "for_statement" else node
        return node.type != "if_statement" or bool(self.template.value(node.named_children[0], self.names))

    @property
    def name(self) -> str:
        found = self.template.member(self.body_node, "name")
        if found is None:
            raise Wrong(f"{self.template.at(self.node)}: no name")
        own: str = self.template.value(found, self.names)
        return f"{self.owner.name}/{own}" if self.owner else own

    @property
    def scope(self) -> "Handle | None":
        found = self.template.member(self.body_node, "scope")
        return self.template.value(found, self.names) if found is not None else None

    @property
    def id(self) -> str:
        provider, *kinds = self.kind.split("/")
        own = "/".join(f"{k}/{n}" for k, n in zip(kinds, self.name.split("/"), strict=True))
        if self.kind == "Microsoft.Resources/resourceGroups":
            return f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{self.name}"
        return f"{self.scope.id if self.scope else self.template.group}/providers/{provider}/{own}"

    def read(self, name: str) -> Any:
        """A property: what the template gives it, or what Azure will know."""
        if name in ("id", "name"):
            return self.name.rpartition("/")[2] if name == "name" else self.id
        if name == "properties":
            return Known(f"{self.kind}/{self.name}")
        found = self.template.member(self.body_node, name)
        return self.template.value(found, self.names) if found is not None else Known(f"{self.kind}/{self.name}.{name}")

    def made(self) -> Resource:
        body = self.template.value(self.body_node, self.names)
        about = {k: v for k, v in body.items() if k not in ("parent", "scope", "dependsOn")}
        owner = self.scope or self.owner
        where = self.template.path.name, self.kind, self.version, self.name, self.id
        return Resource(*where, owner.id if owner else "", about | {"name": self.name.rpartition("/")[2]})


class Known(str):
    """What Azure will know: whose it is, and which property."""

    __slots__ = ()

    def __new__(cls, path: str) -> "Known":
        return super().__new__(cls, f"<{path}>")

    def read(self, name: str) -> "Known":
        return Known(f"{self[1:-1]}.{name}")


@dataclass
class Module:
    """A file that is deployed as a part; `template` is None where its condition does not hold."""

    template: "Template | None"

    def read(self, name: str) -> Any:
        if name != "outputs" or self.template is None:
            raise Wrong(f"a module that is not deployed, or of which {name} is read")
        return Outputs(self.template)


@dataclass
class Outputs:
    template: "Template"

    def read(self, name: str) -> Any:
        return self.template.output(name)


@dataclass
class Template(Expressions):
    """One file with its parameters. Everything is evaluated when it is asked for, and once."""

    path: Path
    given: Names
    group: str = f"/subscriptions/{SUBSCRIPTION}"
    known: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.root = parse(self.path)
        self.functions = {**PURE, **loading(self.path.parent), "resourceGroup": self._resource_group}
        self.declarations = {name_of(n): n for n, _ in declared(self.root) if n.type in DECLARED}
        self.outputs = {name_of(n): n for n, _ in declared(self.root) if n.type == "output_declaration"}
        self.parameters = {name_of(n): (n, d) for n, d in declared(self.root) if n.type == "parameter_declaration"}
        if unknown := self.given.keys() - self.parameters.keys():
            raise Wrong(f"{self.path.name}: there is no parameter {', '.join(sorted(unknown))}")
        for name in self.parameters:
            self.lookup(name, self.root)

    def _resource_group(self) -> dict[str, str]:
        return {"id": self.group, "name": self.group.rpartition("/")[2]}

    # ---- what is declared

    def lookup(self, name: str, asked_at: Node) -> Any:
        if name not in self.known:
            node = self.declarations.get(name)
            if node is None:
                raise Wrong(f"{self.at(asked_at)}: nothing is called {name}")
            self.known[name] = self._declared(name, node)
        return self.known[name]

    def _declared(self, name: str, node: Node) -> Any:
        if node.type == "parameter_declaration":
            return self._parameter(name)
        if node.type == "variable_declaration":
            return self.value(node.named_children[-1], {})
        return self._several(node, self._module if node.type == "module_declaration" else self._resource)

    def _parameter(self, name: str) -> Any:
        node, decorators = self.parameters[name]
        if name in self.given:
            value = self.given[name]
        elif any(c.type == "=" for c in node.children):
            value = self.value(node.named_children[-1], {})
        else:
            raise Wrong(f"{self.path.name}: parameter {name} is missing")
        wanted = KINDS.get(text(node.named_children[1]), dict)
        if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
            raise Wrong(f"{self.at(node)}: {name} is {value!r}")
        for decorator in decorators:
            rule, limit = name_of(decorator), [self.value(a, {}) for a in kind(decorator, "arguments").named_children]
            if _breaks(rule, limit[0], value):
                raise Refused(f"{name} is {value!r}, against @{rule}({limit[0]!r})")
        return value

    def _several(self, node: Node, make: Callable[[Node, Names], Any]) -> Any:
        body = node.named_children[-1]
        if body.type != "for_statement":
            return make(node, {})
        return [make(node, names) for names in self._each(body, {})]

    def _resource(self, node: Node, names: Names) -> Handle:
        return Handle(self, node, None, names)

    def _module(self, node: Node, names: Names) -> Module:
        body = node.named_children[-1]
        body = body.named_children[-1] if body.type == "for_statement" else body
        if body.type == "if_statement":
            if not self.value(body.named_children[0], names):
                return Module(None)
            body = body.named_children[-1]
        path = self.path.parent / self.value(kind(node, "string"), {})
        params, scope = self.member(body, "params"), self.member(body, "scope")
        group = self.value(scope, names).id if scope is not None else self.group
        return Module(Template(path, self.value(params, names) if params is not None else {}, group))

    def output(self, name: str) -> Any:
        if name not in self.outputs:
            raise Wrong(f"{self.path.name}: there is no output {name}")
        return self.value(self.outputs[name].named_children[-1], {})

    def _resource_expression(self, node: Node, names: Names) -> Handle:
        parent: Handle = self.value(node.named_children[0], names)
        wanted = text(node.named_children[1])
        return next(Handle(self, n, parent, names) for n in self._nested(parent.body_node) if name_of(n) == wanted)

    # ---- what would be deployed

    def resources(self) -> Iterator[Resource]:
        """Of this file and all its modules."""
        for name, node in self.declarations.items():
            if node.type not in ("resource_declaration", "module_declaration"):
                continue
            found = self.lookup(name, node)
            for one in found if isinstance(found, list) else [found]:
                if isinstance(one, Module):
                    yield from one.template.resources() if one.template else ()
                elif one.deployed and not one.existing:
                    yield one.made()
                    nested = (n for n in self._nested(one.body_node))
                    yield from (h.made() for n in nested if not (h := Handle(self, n, one, one.names)).existing)

    def _nested(self, body: Node) -> list[Node]:
        found = (c.named_children[0] if c.type == "object_property" else c for c in body.named_children)
        return [c for c in found if c.type == "resource_declaration"]


def _breaks(rule: str, limit: Any, value: Any) -> bool:
    broken: Mapping[str, Callable[[], bool]] = {
        "allowed": lambda: value not in limit,
        "minValue": lambda: value < limit,
        "maxValue": lambda: value > limit,
        "minLength": lambda: len(value) < limit,
        "maxLength": lambda: len(value) > limit,
        "description": lambda: False,
    }
    return broken[rule]()


def parameters(path: Path, env: Names) -> tuple[Path, dict[str, Any]]:
    """What a file of parameters gives to which template."""
    using = re.match(r"using '([^']+)'", path.read_text())
    if using is None:
        raise Wrong(f"{path.name}: it uses no template")
    root, made = parse(path), Expressions()
    made.path = path
    made.functions = {"readEnvironmentVariable": lambda name, default=None: _environment(env, name, default)}
    given = {name_of(n): made.value(n.named_children[-1], {}) for n in root.named_children if n.type != "comment"}
    return path.parent / using[1], given


def _environment(env: Names, name: str, default: str | None) -> str:
    if name in env:
        return str(env[name])
    if default is None:
        raise Refused(f"the environment has no {name}")
    return default


def deployed(template: Path, given: Names) -> tuple[list[Resource], dict[str, Any]]:
    """The resources that the template makes of what it is given, and its outputs."""
    made = Template(template, given)
    return list(made.resources()), {name: made.output(name) for name in made.outputs}
