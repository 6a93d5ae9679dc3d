"""What is said, and what goes to a provider."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.domain.kinds import Channel, kind_of, shown
from shared.domain.notification import Notification
from shared.domain.telemetry import Value

FALLBACK = "en"
"""The language in which everything is shipped."""
PARTS: Mapping[Channel, tuple[str, ...]] = {
    Channel.INBOX: ("title", "body"),
    Channel.PUSH: ("title", "body"),
    Channel.EMAIL: ("subject", "text", "html"),
}
"""What a template for a channel consists of."""
COMMON: Mapping[str, Value] = {"vehicle": "Polar", "brand": "aurora", "at": 1_795_336_200_000}
"""What every template may show, and what it is like: the model, the brand, when it came about (epoch ms)."""
MAIL: Mapping[str, Value] = {"unsubscribe": "https://cloud.example/unsubscribe"}
"""What those for e-mail may show besides."""
VERIFYING: Mapping[str, Value] = {"code": "7K3M9QX2ABCD"}
GATHERING: Mapping[str, Value] = {"items": ["Battery low: Polar"]}
"""What is known only when it is sent: of a verification, of a digest."""

type Template = Mapping[str, str]
"""The source of each part."""
type Key = tuple[str, Channel, str]
"""Kind, channel and locale."""
type Templates = Mapping[Key, Template]


@dataclass(frozen=True, slots=True)
class Context:
    """In which language and zone, and what there is to show; None for what is not known."""

    locale: str
    zone: str
    values: Mapping[str, Value | None]


@dataclass(frozen=True, slots=True)
class Mail:
    """One e-mail. `key` names the delivery, also when it is sent again; `unsubscribe` is where one click ends them."""

    key: str
    to: str
    subject: str
    text: str
    html: str
    unsubscribe: str | None


@dataclass(frozen=True, slots=True)
class Push:
    """What a device shows. `key` names the delivery, also when it is sent again; `to` is the device's token."""

    key: str
    to: str
    title: str
    body: str


@dataclass(frozen=True, slots=True)
class Call:
    """One request to a webhook, of what is `told`: `secrets` sign it, the newest first; `at` is now (epoch ms).

    With a `challenge` it says nothing else, and is well answered by whoever echoes that."""

    key: str
    url: str
    secrets: Sequence[bytes]
    told: Notification
    at: int
    challenge: str = ""


def variables(kind: str, channel: Channel) -> dict[str, Value]:
    """Everything that a template may show, with what it is like."""
    own = {name: sample for name, (_, sample) in kind_of(kind).variables.items()}
    late = VERIFYING if kind == "contact_verification" else GATHERING if kind == "digest" else {}
    return {**COMMON, **(MAIL if channel is Channel.EMAIL else {}), **late, **own}


def values(told: Notification, model: str) -> dict[str, Value | None]:
    """What there is to show of a notification."""
    return {"vehicle": model, "brand": told.brand, "at": told.at, **shown(told.kind, told.facts)}


def languages(locale: str) -> list[str]:
    """`de-AT`, `de`, `en`: in which order something is looked for."""
    parts = locale.split("-")
    return list(dict.fromkeys(["-".join(parts[:n]) for n in range(len(parts), 0, -1)] + [FALLBACK]))
