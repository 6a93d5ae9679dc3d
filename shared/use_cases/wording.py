"""Finding the words for what is told: a brand's own or the shipped ones, in the closest language there is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from shared.domain.document_size import json_size
from shared.domain.kinds import KINDS, Channel
from shared.domain.preferences import Preferences
from shared.domain.principal import Principal, require_operator
from shared.domain.telemetry import Value
from shared.domain.wording import PARTS, Context, Key, Template, Templates, languages, variables
from shared.errors import Code, Conflict, Contradiction, Malformed, NotFound, Refused, Unavailable
from shared.ports import Renderer, Wordings
from shared.use_cases.books import ATTEMPTS

TEMPLATES = 500
"""Templates of its own that a brand has, at most."""
LARGEST_TEMPLATES = 900_000
"""Bytes of JSON of all of them."""


@dataclass(frozen=True, slots=True)
class Words:
    """Where words come from."""

    wordings: Wordings
    renderer: Renderer


async def worded(
    brand: str,
    kind: str,
    channel: Channel,
    own: Preferences,
    shows: Mapping[str, Value | None],
    words: Words,
    failed: Callable[[Key], None],
) -> Mapping[str, str]:
    """What to say to somebody: each part of the channel's template in their language. One that can't be rendered has
    `failed`, as one of the brand's own that was published when there was more to show, and makes way for the next.
    Raises Refused if there are none."""
    overrides = await words.wordings.all(brand)
    for locale in languages(own.locale or ""):
        context = Context(own.locale or locale, own.zone or "UTC", shows)
        for said in (overrides.get((kind, channel, locale)), words.renderer.shipped(kind, channel, locale)):
            if said is None:
                continue
            try:
                return words.renderer.render(said, context)
            except Malformed:
                failed((kind, channel, locale))
    raise Refused(f"no words for {kind}")


async def publish(caller: Principal, key: Key, template: Template, words: Words) -> Mapping[str, str]:
    """Say it so from now on (within a minute), and what that looks like. Raises Forbidden, NotFound for a kind that is
    none, Malformed(invalid_template, invalid_locale), Contradiction(too_many_templates,
    templates_too_large)."""
    require_operator(caller)
    seen = preview(caller, key, template, words)

    def decide(before: Templates) -> Templates:
        after = {**before, key: template}
        if len(after) > TEMPLATES:
            raise Contradiction(f"a brand has {TEMPLATES} templates", Code.TOO_MANY_TEMPLATES)
        if (size := _size(after)) > LARGEST_TEMPLATES and size > _size(before):
            raise Contradiction(f"templates have at most {LARGEST_TEMPLATES} bytes", Code.TEMPLATES_TOO_LARGE)
        return after

    await _edit(caller.brand, decide, words)
    return seen


async def withdraw(caller: Principal, key: Key, words: Words) -> None:
    """Say what is shipped again. Raises Forbidden, NotFound."""
    require_operator(caller)

    def decide(before: Templates) -> Templates:
        if key not in before:
            raise NotFound("no such template")
        return {known: template for known, template in before.items() if known != key}

    await _edit(caller.brand, decide, words)


async def published(caller: Principal, words: Words) -> Templates:
    """What the brand says instead of what is shipped."""
    require_operator(caller)
    return (await words.wordings.read(caller.brand)).value


def preview(caller: Principal, key: Key, template: Template | None, words: Words) -> Mapping[str, str]:
    """What a template looks like, with facts that are like real ones; what is shipped without one."""
    require_operator(caller)
    kind, channel, locale = key
    _require_known(kind, channel, locale, words)
    if template is None:
        found = (words.renderer.shipped(kind, channel, language) for language in languages(locale))
        template = next(shipped for shipped in found if shipped is not None)
    else:
        words.renderer.check(kind, channel, template)
    shows = {**variables(kind, channel), "brand": caller.brand}
    return words.renderer.render(template, Context(locale, "UTC", shows))


def _size(templates: Templates) -> int:
    return sum(json_size([*key, template]) for key, template in templates.items())


def _require_known(kind: str, channel: Channel, locale: str, words: Words) -> None:
    if kind not in KINDS or channel not in PARTS:
        raise NotFound("no such template")
    if not words.renderer.knows(locale):
        raise Malformed("locale: a language that is known, as de or de-AT", Code.INVALID_LOCALE)


async def _edit(brand: str, decide: Callable[[Templates], Templates], words: Words) -> None:
    for _ in range(ATTEMPTS):
        found = await words.wordings.read(brand)
        try:
            await words.wordings.commit(brand, decide(found.value), found.version)
        except Conflict:
            continue
        return
    raise Unavailable("the templates are being written by others")
