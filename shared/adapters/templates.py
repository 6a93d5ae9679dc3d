"""Words by Jinja2, numbers and dates by Babel.

A template may show its kind's variables, filter them, and choose; it can't loop, call, reach into what it is given, or
define anything. So what passed its check can neither fail, nor take long, nor do more than show."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_datetime, format_time
from babel.numbers import format_decimal, format_percent
from babel.units import format_unit
from jinja2 import StrictUndefined, TemplateError, nodes, pass_context
from jinja2 import Template as JinjaTemplate
from jinja2.runtime import Context as JinjaContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from shared.domain.kinds import Channel
from shared.domain.wording import FALLBACK, PARTS, Context, Template, variables
from shared.errors import Code, Malformed

LONGEST = 10_000
"""Characters of one part's source."""
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
_IN = "_in"
"""Under which no template can see it, there is how its language writes things."""
_MILES, _FAHRENHEIT = ("US", "GB", "LR", "MM"), ("US", "LR", "BS", "BZ", "KY", "PW")


class JinjaRenderer:
    """What is shipped stands in `shared/templates`, one file a language; what brands say comes from elsewhere."""

    def shipped(self, kind: str, channel: Channel, locale: str) -> Template | None:
        file = _file(locale)
        if file is None:
            return None
        said = file["kinds"].get(kind) or file["other"]
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
        shows = {**context.values, _IN: _Languages(context)}
        return {part: _compiled(source, part == "html").render(shows) for part, source in template.items()}

    def knows(self, locale: str) -> bool:
        return _locale(locale) is not None


def _filled(text: str, fill: Mapping[str, str]) -> str:
    for mark, said in fill.items():
        text = text.replace(mark, said)
    return text


@cache
def _file(locale: str) -> Any:
    path = _SHIPPED / f"{locale}.json"
    return json.loads(path.read_text()) if locale.isalpha() and path.exists() else None


@cache
def _locale(text: str) -> Locale | None:
    try:
        return Locale.parse(text, sep="-")
    except (UnknownLocaleError, ValueError, TypeError):
        return None


# ---- before it is published


def _check(part: str, source: str, known: set[str]) -> None:
    """Raise Malformed(invalid_template) that says in which line of which part what is wrong."""
    try:
        tree = _environment().parse(source)
    except TemplateError as error:
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
    if isinstance(node, nodes.Filter) and not _is_ours(node):
        raise _invalid(part, node.lineno, f"no such filter: {node.name}; there are {', '.join(sorted(_FILTERS))}")
    for child in node.iter_child_nodes():
        _walk(part, child, known, depth + 1)


def _is_ours(node: nodes.Filter) -> bool:
    return node.name in _FILTERS and not (node.args or node.kwargs or node.dyn_args or node.dyn_kwargs)


def _invalid(part: str, line: int, what: str) -> Malformed:
    return Malformed(f"{part}, line {line}: {what}"[:300], Code.INVALID_TEMPLATE)


# ---- when it is sent


def _languages(context: JinjaContext) -> "_Languages":
    found: _Languages = context.parent[_IN]
    return found


@cache
def _environment(html: bool = False) -> ImmutableSandboxedEnvironment:
    """With filters of ours alone, which can't fail."""
    env = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=html, finalize=_finalized)
    env.filters, env.globals, env.tests = dict(_FILTERS), {}, {}
    return env


@lru_cache(2_000)
def _compiled(source: str, html: bool) -> JinjaTemplate:
    return _environment(html).from_string(source)


def _finalized(value: object) -> object:
    """What is not known is shown as nothing."""
    return "" if value is None else value


class _Languages:
    """How a language writes things, in a zone."""

    def __init__(self, context: Context) -> None:
        self.locale = _locale(context.locale) or Locale.parse(FALLBACK)
        self.zone = ZoneInfo(context.zone)

    def percent(self, number: float) -> str:
        return format_percent(round(number / 100, 3), locale=self.locale, decimal_quantization=False)

    def distance(self, metres: float) -> str:
        miles = self.locale.territory in _MILES
        number, unit = (metres / 1609.344, "length-mile") if miles else (metres / 1000, "length-kilometer")
        return format_unit(round(number, 1), unit, "short", locale=self.locale)

    def temperature(self, celsius: float) -> str:
        fahrenheit = self.locale.territory in _FAHRENHEIT
        number, unit = (celsius * 1.8 + 32, "fahrenheit") if fahrenheit else (celsius, "celsius")
        return format_unit(round(number, 1), f"temperature-{unit}", "short", locale=self.locale)

    def at(self, epoch_ms: float) -> datetime:
        return datetime.fromtimestamp(epoch_ms / 1000, UTC).astimezone(self.zone)


def _of_number(write: Callable[[_Languages, float], str]) -> Callable[..., Any]:
    """A filter; a value that is no number, or none that can be written so, is shown as it is."""

    @pass_context
    def written(context: JinjaContext, value: Any) -> Any:
        if not isinstance(value, int | float) or isinstance(value, bool):
            return value
        try:
            return write(_languages(context), value)
        except (ValueError, OverflowError, ArithmeticError, LookupError):
            return value

    return written


def _count(value: Any) -> int:
    return len(value) if isinstance(value, list | tuple | str) else 0


def _upper(value: Any) -> str:
    return str(_finalized(value)).upper()


def _lines(values: Any) -> Any:
    """Each on a line of its own."""
    return "\n".join(map(str, values)) if isinstance(values, list | tuple) else values


_FILTERS: Mapping[str, Callable[..., Any]] = {
    "number": _of_number(lambda how, n: format_decimal(round(n, 2), locale=how.locale)),
    "percent": _of_number(_Languages.percent),
    "distance": _of_number(_Languages.distance),
    "temperature": _of_number(_Languages.temperature),
    "date": _of_number(lambda how, n: format_date(how.at(n), locale=how.locale)),
    "time": _of_number(lambda how, n: format_time(how.at(n), "short", how.zone, how.locale)),
    "datetime": _of_number(lambda how, n: format_datetime(how.at(n), "short", None, how.locale)),
    "count": _count,
    "upper": _upper,
    "lines": _lines,
}
