"""Files of Bicep as trees."""

import re
from collections.abc import Iterator
from pathlib import Path

import tree_sitter_bicep
from tree_sitter import Language, Node, Parser

_PARSER = Parser(Language(tree_sitter_bicep.language()))
DECLARED = {"parameter_declaration", "variable_declaration", "resource_declaration", "module_declaration"}


class Wrong(Exception):
    """The template is wrong, with the place."""


class Refused(Exception):
    """The template refuses what it was given, as it should."""


def text(node: Node) -> str:
    return (node.text or b"").decode()


def kind(node: Node, *kinds: str) -> Node:
    """The first child of such a kind."""
    return next(c for c in node.children if c.type in kinds)


def parse(path: Path) -> Node:
    """The file's tree, or Wrong with the first place that is none of Bicep."""
    source = path.read_text()
    if path.suffix == ".bicepparam":
        source = re.sub(r"^param ", "var ", re.sub(r"^using [^\n]*", "", source), flags=re.MULTILINE)
    root = _PARSER.parse(source.encode()).root_node
    for node in walk(root):
        if node.type == "ERROR" or node.is_missing:
            raise Wrong(f"{path.name}:{node.start_point[0] + 1}: no Bicep: {text(node)[:40]!r}")
    return root


def walk(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from walk(child)


def declared(root: Node) -> Iterator[tuple[Node, list[Node]]]:
    """Each declaration with the decorators over it."""
    over: list[Node] = []
    for child in root.named_children:
        if child.type == "decorators":
            over = [d.named_children[0] for d in child.named_children]
        elif child.type != "comment":
            yield child, over
            over = []


def name_of(node: Node) -> str:
    return text(kind(node, "identifier"))


def unused(path: Path) -> list[str]:
    """Parameters and variables that nothing reads."""
    root = parse(path)
    names = {name_of(n): n for n, _ in declared(root) if n.type in ("parameter_declaration", "variable_declaration")}
    reads = [text(n) for n in walk(root) if n.type == "identifier"]
    return [
        f"{path.name}:{n.start_point[0] + 1}: {name} is not used" for name, n in names.items() if reads.count(name) < 2
    ]
