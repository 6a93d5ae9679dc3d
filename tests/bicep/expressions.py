"""Expressions of Bicep, down to texts, numbers, lists and objects."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tree_sitter import Node

from tests.bicep.syntax import Wrong, kind, name_of, text

type Names = Mapping[str, Any]
COMPUTED: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: a + b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a // b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
}


class Expressions:
    """Evaluates what stands in one file; `lookup` is what the file declares."""

    path: Path
    functions: Mapping[str, Callable[..., Any]]

    def lookup(self, name: str, asked_at: Node) -> Any:
        raise Wrong(f"{self.at(asked_at)}: nothing is called {name}")

    def at(self, node: Node) -> str:
        return f"{self.path.name}:{node.start_point[0] + 1}"

    def _each(self, loop: Node, names: Names) -> Iterator[Names]:
        called = loop.named_children[0]
        loop_names = (
            [text(n) for n in called.named_children] if called.type == "for_loop_parameters" else [text(called)]
        )
        for i, item in enumerate(self.value(loop.named_children[1], names)):
            yield {**names, **dict(zip(loop_names, (item, i), strict=False))}

    def member(self, node: Node, name: str) -> Node | None:
        """What an object that is written out gives that name."""
        pairs = (c.named_children for c in node.named_children if c.type == "object_property")
        return next((pair[-1] for pair in pairs if pair[0].type == "identifier" and text(pair[0]) == name), None)

    def value(self, node: Node, names: Names) -> Any:
        how = getattr(self, f"_{node.type}", None)
        if how is None:
            raise Wrong(f"{self.at(node)}: {node.type} is not known here: {text(node)[:40]!r}")
        return how(node, names)

    def _identifier(self, node: Node, names: Names) -> Any:
        name = text(node)
        return names[name] if name in names else self.lookup(name, node)

    def _string(self, node: Node, names: Names) -> str:
        if node.children and node.children[0].type == "'''":
            return text(node)[3:-3].removeprefix("\n")
        if sum(len(text(c)) for c in node.children) != len(text(node)):
            raise Wrong(f"{self.at(node)}: {text(node)} has an escape that the grammar leaves out")
        return "".join(self._piece(c, names) for c in node.named_children)

    def _piece(self, node: Node, names: Names) -> str:
        if node.type == "interpolation":
            value = self.value(node.named_children[0], names)
            if not isinstance(value, str | int):
                raise Wrong(f"{self.at(node)}: {text(node)} is no text")
            return str(value)
        return text(node)[1:] if node.type == "escape_sequence" else text(node)

    def _number(self, node: Node, _: Names) -> int:
        return int(text(node))

    def _boolean(self, node: Node, _: Names) -> bool:
        return text(node) == "true"

    def _null(self, node: Node, _: Names) -> None:
        return None

    def _array(self, node: Node, names: Names) -> list[Any]:
        return [self.value(c, names) for c in node.named_children if c.type != "comment"]

    def _for_statement(self, node: Node, names: Names) -> list[Any]:
        return [self.value(node.named_children[-1], one) for one in self._each(node, names)]

    def _object(self, node: Node, names: Names) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for pair in node.named_children:
            if pair.type != "object_property" or pair.named_children[0].type == "resource_declaration":
                continue
            key, value = pair.named_children[0], self.value(pair.named_children[-1], names)
            name = text(key) if key.type == "identifier" else self.value(key, names)
            if name in made:
                raise Wrong(f"{self.at(pair)}: {name} is there twice")
            if value is not None:
                made[name] = value
        return made

    def _parenthesized_expression(self, node: Node, names: Names) -> Any:
        return self.value(node.named_children[0], names)

    def _ternary_expression(self, node: Node, names: Names) -> Any:
        condition, yes, no = node.named_children
        return self.value(yes if self.value(condition, names) else no, names)

    def _unary_expression(self, node: Node, names: Names) -> Any:
        if node.children[0].type != "!":
            raise Wrong(f"{self.at(node)}: {text(node)[:40]!r} is not known here")
        return not self.value(node.named_children[0], names)

    def _binary_expression(self, node: Node, names: Names) -> Any:
        left, operator, right = node.named_children[0], node.children[1].type, node.named_children[-1]
        if operator == "&&":
            return self.value(left, names) and self.value(right, names)
        if operator == "||":
            return self.value(left, names) or self.value(right, names)
        if operator not in COMPUTED:
            raise Wrong(f"{self.at(node)}: {operator} is not known here")
        return COMPUTED[operator](self.value(left, names), self.value(right, names))

    def _call_expression(self, node: Node, names: Names) -> Any:
        name = name_of(node)
        if name not in self.functions:
            raise Wrong(f"{self.at(node)}: the function {name} is not known here")
        return self.functions[name](*(self.value(a, names) for a in kind(node, "arguments").named_children))

    def _subscript_expression(self, node: Node, names: Names) -> Any:
        of, at = (self.value(c, names) for c in node.named_children)
        try:
            return of[at]
        except (KeyError, IndexError):
            raise Wrong(f"{self.at(node)}: {text(node)} has no {at!r}") from None

    def _member_expression(self, node: Node, names: Names) -> Any:
        of, name = self.value(node.named_children[0], names), text(node.named_children[-1])
        if isinstance(of, dict):
            if name not in of:
                raise Wrong(f"{self.at(node)}: {text(node)}: there is no {name}")
            return of[name]
        if not hasattr(of, "read"):
            raise Wrong(f"{self.at(node)}: {text(node)}: {of!r} has no members")
        return of.read(name)
