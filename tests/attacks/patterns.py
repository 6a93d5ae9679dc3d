"""Every pattern of the shipped code, and texts that make a pattern go back and forth, if any can.

`python -m tests.attacks.patterns` tries them all and prints each pattern before it does: whoever waits for it with a
deadline knows which one is slow."""

import ast
import importlib
import pkgutil
import re
import sys
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import StringConstraints, TypeAdapter, ValidationError

import functions
import shared

ROOT = Path(__file__).parents[2]
LONGEST = 50_000
"""Characters of a text: what a pattern of quadratic time needs many seconds for."""
SLOW = 1.0
"""Seconds of computing that a single text may take."""
_ANYWHERE = {"search", "split", "findall", "finditer", "sub", "subn"}
_MAKES = {"compile", "match", "fullmatch", *_ANYWHERE}


class Found(NamedTuple):
    where: str
    pattern: str | None
    """None for one that is no literal: it is made of something."""
    flags: int = 0
    is_constraint: bool = False
    anywhere: bool = True
    """Whether it is looked for from every place of a text, or from its beginning only."""


def sources() -> Iterator[Path]:
    yield ROOT / "function_app.py"
    for package in ("functions", "shared"):
        yield from sorted((ROOT / package).rglob("*.py"))


def written() -> Iterator[Found]:
    """Every pattern that stands in the source: `re.x(...)` calls and `pattern=` constraints."""
    for path in sources():
        name, tree = path.relative_to(ROOT).as_posix(), ast.parse(path.read_text())
        used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module in ("re", "regex", "fnmatch", "glob"):
                yield Found(f"{name}:{node.lineno}", None)
            if isinstance(node, ast.Call):
                yield from _called(name, node, used)


def _called(name: str, node: ast.Call, used: set[str]) -> Iterator[Found]:
    """`used` are the names of methods that the file calls: a pattern that it compiles may be used by any of them."""
    where, called = f"{name}:{node.lineno}", node.func
    if isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name):
        if called.value.id == "re" and called.attr in _MAKES:
            anywhere = bool({called.attr} & _ANYWHERE or (called.attr == "compile" and used & _ANYWHERE))
            flags = _flags([*node.args[1:], *(k.value for k in node.keywords)])
            yield Found(where, _text(node.args[0]), flags, anywhere=anywhere)
        if called.value.id in ("fnmatch", "regex"):
            yield Found(where, None)
    for keyword in node.keywords:
        if keyword.arg == "pattern":
            is_constraint = ast.unparse(called) in ("StringConstraints", "Field")  # msgspec's are Python's
            yield Found(where, _text(keyword.value), is_constraint=is_constraint)


def _text(node: ast.expr) -> str | None:
    return _as_text(node.value) if isinstance(node, ast.Constant) else None


def _as_text(pattern: object) -> str | None:
    """One of bytes is tried over texts as well: it goes back and forth over the same."""
    if isinstance(pattern, bytes):
        return pattern.decode("latin-1")
    return pattern if isinstance(pattern, str) else None


def _flags(nodes: list[ast.expr]) -> int:
    names = (n.attr for node in nodes for n in ast.walk(node) if isinstance(n, ast.Attribute))
    return sum(int(getattr(re, name)) for name in set(names) if name.isupper())


def compiled() -> Iterator[Found]:
    """Every pattern object that a module of the shipped code holds, by itself or in a class; also a library's."""
    for package in (functions, shared):
        for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            for name, value in vars(importlib.import_module(module.name)).items():
                held = [value, *vars(value).values()] if isinstance(value, type) else [value]
                for one in held:
                    if isinstance(one, re.Pattern):
                        yield Found(f"{module.name}.{name}", _as_text(one.pattern), one.flags & ~re.UNICODE)


def every() -> list[Found]:
    """Each pattern once."""
    return list({found.pattern: found for found in [*compiled(), *written()] if found.pattern is not None}.values())


# ---- texts


def _classes(tree: Any) -> Iterator[str]:
    """A character of each class and literal of a parsed pattern."""
    for op, argument in tree:
        name = str(op)
        if name == "LITERAL":
            yield chr(argument)
        elif name == "NOT_LITERAL":
            yield "b" if argument == ord("a") else "a"
        elif name == "ANY":
            yield "a"
        elif name == "IN":
            yield from _members(argument)
        elif name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            yield from _classes(argument[2])
        elif name == "SUBPATTERN":
            yield from _classes(argument[3])
        elif name == "BRANCH":
            for branch in argument[1]:
                yield from _classes(branch)


def _members(items: Any) -> Iterator[str]:
    if str(items[0][0]) == "NEGATE":
        yield next(c for c in "az09 .{<" if all(str(o) != "LITERAL" or chr(a) != c for o, a in items[1:]))
        return
    for op, argument in items:
        if str(op) == "LITERAL":
            yield chr(argument)
        elif str(op) == "RANGE":
            yield from (chr(argument[0]), chr(argument[1]))
        else:
            yield {"CATEGORY_DIGIT": "1", "CATEGORY_SPACE": " "}.get(str(argument), "a")


def texts(pattern: str) -> Iterator[str]:
    """Long runs of each character of the pattern and of pairs of them, after something that fits as far as it goes,
    and with an end that does not fit."""
    characters = list(dict.fromkeys([*_classes(re._parser.parse(pattern)), "a", "1"]))
    start = "".join(characters)
    pumps = [*characters[:10], *(a + b for a, b in product(characters[:5], repeat=2) if a != b), start]
    starts = ["", *(start[:n] for n in (1, 2, 4) if n < len(start)), start]
    for before, pump, end in product(starts, pumps, ("", "\x00", "\n\n", "!" + start)):
        yield before + pump * (LONGEST // len(pump)) + end


def attempts(found: Found) -> Iterator[Any]:
    """How the pattern is used: by Python's engine, and as a constraint by pydantic's."""
    assert found.pattern is not None
    python = re.compile(found.pattern, found.flags)
    yield from (python.fullmatch, python.search if found.anywhere else python.match)
    if found.is_constraint:
        adapter = TypeAdapter(Annotated[str, StringConstraints(pattern=found.pattern)])

        def validate(text: str) -> None:
            try:
                adapter.validate_python(text)
            except ValidationError:
                return

        yield validate


def slow(found: Found) -> str | None:
    """A text that takes too long, if any of them does."""
    assert found.pattern is not None
    for text, attempt in product(texts(found.pattern), attempts(found)):
        began = time.process_time()
        attempt(text)
        if time.process_time() - began > SLOW:
            return text
    return None


if __name__ == "__main__":
    known = [Found("given", one) for one in sys.argv[1:]] or every()
    for one in known:
        print(one.where, ascii(one.pattern), flush=True)
        if text := slow(one):
            sys.exit(f"too slow for {text[:40]!r}... of {len(text)} characters")
    print("done", flush=True)
