"""What is asked over HTTP about notifications, as pydantic models."""

from dataclasses import replace
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, StringConstraints

from shared.codec.bodies import Body, Id
from shared.domain.kinds import Channel
from shared.domain.preferences import KINDS_SAID, Preferences, Quiet
from shared.errors import Malformed, NotFound

type WallClock = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
type KindName = Annotated[str, StringConstraints(pattern=r"^(\*|[A-Za-z0-9][A-Za-z0-9._@-]{0,63})$")]
type Email = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@([A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,63}$")
]
type Part = Annotated[str, StringConstraints(max_length=20_000)]


class QuietBody(Body):
    """By the wall clock, over midnight if the end is earlier; from one time to the same is never."""

    from_: Annotated[WallClock, Field(alias="from")]
    until: WallClock


class ChannelsBody(Body):
    inbox: bool | None = None
    email: bool | None = None
    push: bool | None = None

    def said(self) -> dict[Channel, bool]:
        found = {Channel.INBOX: self.inbox, Channel.EMAIL: self.email, Channel.PUSH: self.push}
        return {channel: on for channel, on in found.items() if on is not None}


class PutPreferences(Body):
    """How somebody wants to be told; what is left out is as the brand says. `channels` by kind, `*` for all others."""

    locale: Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?$")] | None = None
    zone: Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_+/-]{0,63}$")] | None = None
    quiet_hours: QuietBody | None = None
    digest_at: WallClock | None = None
    channels: Annotated[dict[KindName, ChannelsBody], Field(max_length=KINDS_SAID)] = {}

    def preferences(self) -> Preferences:
        """Raises Malformed for a zone that is none."""
        if self.zone is not None:
            try:
                ZoneInfo(self.zone)
            except (ZoneInfoNotFoundError, ValueError, OSError):
                raise Malformed("zone: one of the IANA time zones, as Europe/Vienna") from None
        hours = self.quiet_hours
        quiet = Quiet(_minute(hours.from_), _minute(hours.until)) if hours else None
        digest = None if self.digest_at is None else _minute(self.digest_at)
        channels = {kind: said.said() for kind, said in self.channels.items()}
        return Preferences(self.locale, self.zone, quiet, digest, channels)


class PutBrandPreferences(PutPreferences):
    """How people are told who don't say, and how often an hour of one kind before the rest waits for the digest."""

    cap: Annotated[int, Field(ge=1, le=200)] | None = None

    def preferences(self) -> Preferences:
        return replace(super().preferences(), cap=self.cap)


class PutContact(Body):
    """Where mail goes, or null for nowhere; with the code that was mailed there, that it is the caller's."""

    email: Email | None
    code: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z]{4,64}$")] | None = None


class PutTemplate(Body):
    """The source of each part: `title` and `body`, of e-mail `subject`, `text` and `html`."""

    parts: Annotated[dict[Annotated[str, Field(max_length=20)], Part], Field(min_length=1, max_length=3)]


class PreviewTemplate(Body):
    """A template to look at before it is published; without parts what is shipped."""

    kind: Id
    channel: Id
    locale: Id
    parts: Annotated[dict[Annotated[str, Field(max_length=20)], Part], Field(min_length=1, max_length=3)] | None = None


class MakeEndpoint(Body):
    """Where a partner's system listens, and of which kinds it wants to hear; of all if none is named."""

    url: Annotated[str, Field(max_length=2_000)]
    kinds: Annotated[list[Id], Field(max_length=100)] = []
    partner: Id | None = None


class PutEndpoint(Body):
    """What an endpoint is to be."""

    url: Annotated[str, Field(max_length=2_000)]
    kinds: Annotated[list[Id], Field(max_length=100)] = []
    enabled: bool = True


def _minute(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])


def channel_of(text: str) -> Channel:
    try:
        return Channel(text)
    except ValueError:
        raise NotFound("no such template") from None
