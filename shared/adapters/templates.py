"""Words by Jinja2, numbers and dates by Babel.

A template may show its kind's variables, filter them, and choose; it can't loop, call, reach into what it is given, or
define anything. So what passed its check can neither fail, whatever the facts are, nor take long, nor do more than
show; and what it comes to is at most its own text and `ROOM` characters of facts."""

import json
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from jinja2 import StrictUndefined, TemplateError, nodes
from jinja2 import Template as JinjaTemplate
from jinja2.sandbox import ImmutableSandboxedEnvironment

from shared.adapters.languages import FILTERS, IN, Languages, finalized, locale_of, sendable
from shared.domain.kinds import RULE, Channel
from shared.domain.wording import FALLBACK, PARTS, Context, Template, variables
from shared.errors import Code, Malformed

LONGEST = 10_000
"""Characters of one part's source."""
LINES, LINE = ("title", "subject"), 200
"""Parts that are one line, and its characters."""
DEEPEST = 10
"""Choices within choices."""
_SHIPPED = Path(__file__).parent.parent / "templates"
_ALLOWED = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Const,
    nodes.If,
    nodes.CondExpr,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Filter,
)


class JinjaRenderer:
    """What is shipped stands in `shared/templates`, one file a language; what brands say comes from elsewhere."""

    def shipped(self, kind: str, channel: Channel, locale: str) -> Template | None:
        file = _file(locale)
        if file is None:
            return None
        said = file["kinds"].get(kind) or file["kinds"][RULE]
        if channel is not Channel.EMAIL:
            return {"title": said["title"], "body": said["body"]}
        layout = file["digest"] if kind == "digest" else file["email"]
        fill = {"<<title>>": said["title"], "<<body>>": said["body"]}
        return {"subject": said["title"]} | {part: _filled(layout[part], fill) for part in ("text", "html")}

    def check(self, kind: str, channel: Channel, template: Template) -> None:
        parts = PARTS[channel]
        if set(template) != set(parts):
            raise Malformed(f"a template for {channel} has the parts {', '.join(parts)}", Code.INVALID_TEMPLATE)
        known = variables(kind, channel)
        for part in parts:
            if len(template[part]) > LONGEST:
                raise _invalid(part, 1, f"more than {LONGEST} characters")
            _check(part, template[part], set(known))
        for values in (known, dict.fromkeys(known)):
            self.render(template, Context(FALLBACK, "UTC", values))

    def render(self, template: Template, context: Context) -> Mapping[str, str]:
        try:
            return {part: _rendered(part, source, context) for part, source in template.items()}
        except Exception as error:  # whatever it is: other words are tried, and the operators are told
            raise Malformed(f"it can't be rendered: {type(error).__name__}", Code.INVALID_TEMPLATE) from None

    def knows(self, locale: str) -> bool:
        return locale_of(locale) is not None


def _rendered(part: str, source: str, context: Context) -> str:
    """With room of its own. What stands in a line of its own is one, of `LINE` characters at most."""
    said = sendable(_compiled(source, part == "html").render({**context.values, IN: Languages(context)}))
    return " ".join(said.split())[:LINE] if part in LINES else said


def _filled(text: str, fill: Mapping[str, str]) -> str:
    for mark, said in fill.items():
        text = text.replace(mark, said)
    return text


@lru_cache(1_000)
def _file(locale: str) -> Any:
    path = _SHIPPED / f"{locale}.json"
    return json.loads(path.read_text()) if locale.isalpha() and path.exists() else None


# ---- before it is published


def _check(part: str, source: str, known: set[str]) -> None:
    """Raise Malformed(invalid_template) that says in which line of which part what is wrong."""
    try:
        tree = _environment().parse(source)
    except (TemplateError, ValueError) as error:
        raise _invalid(part, getattr(error, "lineno", 1) or 1, str(error)) from None
    except RecursionError:
        raise _invalid(part, 1, f"deeper than {DEEPEST}") from None
    _walk(part, tree, known, 0)


def _walk(part: str, node: nodes.Node, known: set[str], depth: int) -> None:
    if not isinstance(node, _ALLOWED):
        raise _invalid(part, node.lineno, f"{type(node).__name__.lower()} is not allowed in a template")
    if depth > DEEPEST * 4:
        raise _invalid(part, node.lineno, f"deeper than {DEEPEST}")
    if isinstance(node, nodes.Name) and (node.ctx != "load" or node.name not in known):
        raise _invalid(part, node.lineno, f"no such variable: {node.name}; there are {', '.join(sorted(known))}")
    if isinstance(node, nodes.Compare) and any(operand.op not in ("eq", "ne") for operand in node.ops):
        raise _invalid(part, node.lineno, "only == and != are allowed: what is not known is neither less nor more")
    if isinstance(node, nodes.Const) and isinstance(node.value, int | float) and not abs(node.value) <= 2**53:
        raise _invalid(part, node.lineno, "a number that is too large")
    if isinstance(node, nodes.Filter) and not _is_ours(node):
        raise _invalid(part, node.lineno, f"no such filter: {node.name}; there are {', '.join(sorted(FILTERS))}")
    for child in node.iter_child_nodes():
        _walk(part, child, known, depth + 1)


def _is_ours(node: nodes.Filter) -> bool:
    return node.name in FILTERS and not (node.args or node.kwargs or node.dyn_args or node.dyn_kwargs)


def _invalid(part: str, line: int, what: str) -> Malformed:
    return Malformed(f"{part}, line {line}: {what}"[:300], Code.INVALID_TEMPLATE)


# ---- when it is sent


@cache
def _environment(html: bool = False) -> ImmutableSandboxedEnvironment:
    """With filters of ours alone, which can't fail."""
    env = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=html, finalize=finalized)
    env.filters, env.globals, env.tests = dict(FILTERS), {}, {}
    return env


@lru_cache(2_000)
def _compiled(source: str, html: bool) -> JinjaTemplate:
    return _environment(html).from_string(source)
