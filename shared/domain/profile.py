"""Who a vehicle is, whom it belongs to, and what was sold for it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from shared.domain.catalog import FEATURES
from shared.domain.clearing import Clearing, cleared_from, with_clearing
from shared.domain.garage import SKEW, Invitation, Member, Membership, Role
from shared.domain.garage import Code as ClaimCode
from shared.domain.notification import Audience, Notification
from shared.domain.period import DAY
from shared.domain.policy import Policy, Privacy, Status
from shared.domain.subscription import Entry, Grant, Subscription
from shared.domain.telemetry import Value
from shared.errors import Code, Contradiction, NotFound, Reused, TooMany

REMEMBERED = 32
"""How many idempotency keys a profile remembers."""
HISTORY = "history"
"""The purpose of the consent that says for how long samples are kept."""
HISTORY_DAYS = 30
"""For how long while nobody has said."""
HANDOVER_MARGIN = 30_000
"""Milliseconds by which instances' clocks may differ and a request may have begun before the vehicle changed hands.
New passports are dated as much later; the car's verifier takes those of a minute ahead."""
PURPOSES = 20
"""How many purposes a profile holds consents for, besides that of history."""

SWITCHED_OFF = FEATURES
"""Features that a profile remembers as switched off: as many as a brand has."""
DOCUMENTS_A_DAY = 500
"""Lines of the books and versions of consents that requests add to a vehicle on a UTC day: its partition holds them for
good. What ends a sale or refuses what was agreed to is always added."""
ENDINGS = frozenset({"cancelled", "cancelling", "revoked"})
"""What ends a sale or grant, as the books say."""
OWED = 150
"""Entries of the outbox from which on nothing is done that owes more, unless it protects people."""

type Owed = Notification | Membership


@dataclass(frozen=True, slots=True)
class Request:
    """An idempotency key that was used, a digest of what it asked for, and what it made."""

    key: str
    digest: str
    made: str


@dataclass(frozen=True, slots=True)
class Consent:
    """What a person agreed to or refused, for a purpose: the version of it that counts from 1, the text that was shown,
    for how many days samples may be kept (of `history`), who said so and when (epoch ms)."""

    purpose: str
    version: int
    granted: bool
    text: str
    days: int
    by: str
    at: int


@dataclass(frozen=True, slots=True)
class Profile:
    """The only authority on a vehicle's identity, people, sales, consents and privacy.

    `rules` is the version of its own rules, `owned_since` when its period of ownership began, `borders` when it changed
    hands lately, in order (epoch ms), `tried` the plans whose trial it had, `off` the features that its users switched
    off. `outbox` is what is still to be handed on, `due` the earliest moment at which time alone may do something
    (epoch ms), `revision` counts its writes. `fresh` goes into the books in the same write; none is stored. What was
    seen before `history_from` (epoch ms) is never kept; `clearing` is what is being deleted from history."""

    vehicle_id: str
    vin: str
    brand: str
    region: str
    model: str
    model_year: int
    status: Status
    capabilities: frozenset[str]
    members: Mapping[str, Member] = field(default_factory=dict)
    subscriptions: tuple[Subscription, ...] = ()
    requests: tuple[Request, ...] = ()
    privacy: Privacy = Privacy()
    consents: Mapping[str, Consent] = field(default_factory=dict)
    rules: int = 0
    owned_since: int = 0
    code: ClaimCode | None = None
    invitations: tuple[Invitation, ...] = ()
    grants: tuple[Grant, ...] = ()
    tried: frozenset[str] = frozenset()
    off: frozenset[str] = frozenset()
    outbox: tuple[Owed, ...] = ()
    due: int | None = None
    revision: int = 0
    fresh: tuple[Entry, ...] = ()
    beside: tuple[int, int] = (0, 0)
    borders: tuple[int, ...] = ()
    history_from: int = 0
    clearing: tuple[Clearing, ...] = ()

    def policy(self) -> Policy:
        """What ingest must know of it."""
        days = self.history_days
        return Policy(self.brand, self.status, self.privacy, self.rules, days, self.borders, self.history_from)

    @property
    def history_days(self) -> int:
        """For how many days samples are kept; 0 keeps none."""
        consent = self.consents.get(HISTORY)
        return HISTORY_DAYS if consent is None else consent.days if consent.granted else 0

    def hides(self, at: int, now: int) -> bool:
        """Whether history shows nobody what was seen at a moment (epoch ms), as its owner wants it deleted."""
        refused = not self.history_days and at >= self.owned_since
        return refused or any(c.hides(at, now) for c in self.clearing)

    def asked_before(self, key: str | None, digest: str) -> str | None:
        """What this very request made when it came first; raises Reused if the key asked for something else."""
        return made_before(self.requests, key, digest)

    def member(self, user: str, at: int) -> Member | None:
        """The person's access at a moment (epoch ms)."""
        found = self.members.get(user)
        return found if found and found.covers(at) else None

    @property
    def min_issued_at(self) -> int:
        """The least `iat` of passports that hold (epoch s): what was issued before the vehicle changed hands, or by a
        request that was under way then, does not; 0 while it never did."""
        return (self.owned_since + HANDOVER_MARGIN) // 1000 if self.owned_since else 0

    @property
    def primary(self) -> str | None:
        return next((user for user, member in self.members.items() if member.role is Role.PRIMARY), None)

    def agreed(self, purpose: str) -> bool:
        consent = self.consents.get(purpose)
        return consent is not None and consent.granted

    def agreed_at(self, purpose: str, at: int, versions: Iterable[Consent]) -> bool:
        """Whether its present owner agrees, and did at a moment (epoch ms), by the consent's versions in order."""
        then = [c for c in versions if self.owned_since <= c.at <= at]
        return self.agreed(purpose) and bool(then) and then[-1].granted

    def subscription(self, id: str) -> Subscription:
        found = next((s for s in self.subscriptions if s.id == id), None)
        if found is None:
            raise NotFound("no such subscription")
        return found

    def with_subscription(self, changed: Subscription) -> "Profile":
        """In the place of the one of its id."""
        return replace(self, subscriptions=tuple(changed if s.id == changed.id else s for s in self.subscriptions))

    def booked(self, subject: str, what: str, at: int, by: str, **facts: Value) -> "Profile":
        """With a line for the books. Its id follows from the write that it goes with. Raises TooMany, unless it says
        what time brought or what ends a sale."""
        entry = Entry(f"{subject}.{self.revision}.{len(self.fresh)}", subject, what, at, by, facts)
        after = self if by == "time" else self.adding_document(at, always=what in ENDINGS)
        return replace(after, fresh=(*self.fresh, entry))

    def adding_document(self, at: int, always: bool) -> "Profile":
        """With one more document beside it (`at` in epoch ms); `beside` counts those of the newest UTC day, whose
        number since 1970 stands first. Raises TooMany beyond the day's limit, unless it is `always` added."""
        day = max(self.beside[0], at // DAY)
        count = self.beside[1] + 1 if day == self.beside[0] else 1
        if count > DOCUMENTS_A_DAY and not always:
            tomorrow = ((day + 1) * DAY - at) / 1000
            raise TooMany(f"a vehicle has at most {DOCUMENTS_A_DAY} changes a day of sales and consents", tomorrow)
        return replace(self, beside=(day, count))

    def telling(self, fact: str, kind: str, at: int, facts: Mapping[str, Value], *named: str) -> "Profile":
        """Owing a notification of a fact to the primary user, or to those who are named."""
        audience = frozenset({Audience.NAMED if named else Audience.PRIMARY})
        told = Notification.of_fact(fact, kind, self.vehicle_id, self.brand, at, facts, None, audience, named)
        return replace(self, outbox=(*self.outbox, told))

    def admitting(self, user: str, member: Member | None, at: int) -> "Profile":
        """With the person as that member from now on (epoch ms), or as none; and the index by person is owed it."""
        before, revision = self.members.get(user), self.revision + 1
        others = {u: m for u, m in self.members.items() if u != user}
        owned = (self.owned_since, at) if before and before.role is Role.PRIMARY else None
        owed = Membership(self.vehicle_id, user, member.role if member else None, revision, owned)
        said = next((e for e in self.outbox if isinstance(e, Membership) and e.id == owed.id), None)
        owed = replace(owed, owned=owned or (said.owned if said else None))
        outbox = (*(entry for entry in self.outbox if entry is not said), owed)
        return replace(self, members={**others, user: member} if member else others, outbox=outbox)

    def handed_on(self, ids: frozenset[str]) -> "Profile":
        return replace(self, outbox=tuple(entry for entry in self.outbox if entry.id not in ids))

    @property
    def next_moment(self) -> int | None:
        """When time alone brings something; while it owes a moment that has long come, another one after each write."""
        moments = [self.revision] if self.outbox else []
        moments += [c.not_before for c in self.clearing]
        moments += [m.ends_at + SKEW for m in self.members.values() if m.ends_at is not None]
        moments += [event.at for s in self.subscriptions for event in s.upcoming(s.told_until)[:1]]
        return min(moments, default=None)

    def _off_within_limit(self) -> frozenset[str]:
        """Of more than are remembered those of features that were sold or granted, and some of the others: anything
        could be switched off once."""
        if len(self.off) <= SWITCHED_OFF:
            return self.off
        sold = {id for s in self.subscriptions for id in s.plan.features} | {g.feature for g in self.grants}
        return frozenset(sorted(self.off, key=lambda feature: (feature not in sold, feature))[:SWITCHED_OFF])

    def scheduled(self) -> "Profile":
        """As it is to be committed: within its limits, one revision on, and due when time brings something."""
        after = replace(self, revision=self.revision + 1, off=self._off_within_limit())
        return replace(after, due=after.next_moment)


def made_before(requests: Iterable[Request], key: str | None, digest: str) -> str | None:
    """What the request with this key made; raises Reused if it had another body."""
    known = next((request for request in requests if request.key == key), None)
    if known is not None and known.digest != digest:
        raise Reused("this idempotency key was used with another body")
    return known.made if known else None


def remembering(profile: Profile, request: Request | None) -> Profile:
    """With the request remembered, in the place of the oldest once there are too many."""
    return replace(profile, requests=(*profile.requests, request)[-REMEMBERED:]) if request else profile


def moved_to(profile: Profile, status: Status) -> Profile:
    """The profile in another status. What is out of service stays so; quarantine ends by a release alone."""
    if profile.status is Status.DECOMMISSIONED and status is not Status.DECOMMISSIONED:
        raise Contradiction("the vehicle is out of service for good", Code.DECOMMISSIONED)
    if profile.status is Status.QUARANTINED and status in (Status.ACTIVE, Status.SUSPENDED):
        raise Contradiction("the vehicle is quarantined: release it", Code.QUARANTINED)
    return replace(profile, status=status)


def consented(profile: Profile, consent: Consent) -> tuple[Profile, Consent]:
    """The profile with the next version of a consent, and that version."""
    known = profile.consents.get(consent.purpose)
    agreed = known.granted if known else consent.purpose == HISTORY
    profile = profile.adding_document(consent.at, always=agreed and not consent.granted)
    kept = profile.consents if known else _with_place(profile.consents, consent)
    said = replace(consent, version=known.version + 1 if known else 1)
    after = replace(profile, consents={**kept, consent.purpose: said})
    return (kept_for_less(profile, after, said.at) if consent.purpose == HISTORY else after), said


def kept_for_less(before: Profile, after: Profile, at: int) -> Profile:
    """With the deletion of what was kept for longer than is wanted from now on (epoch ms), and after a refusal nothing
    kept that was seen while it held."""
    days = after.history_days
    if not before.history_days:
        after = replace(after, history_from=max(after.history_from, at))
    if days >= before.history_days:
        return after
    clearing = cleared_from(before.owned_since, at, days)
    seen_from = after.history_from if days else max(after.history_from, clearing.end)
    return replace(after, history_from=seen_from, clearing=with_clearing(after.clearing, clearing))


def _with_place(consents: Mapping[str, Consent], consent: Consent) -> Mapping[str, Consent]:
    """The consents with a place for one of a new purpose. That of history has its own, and a refusal takes the place of
    the oldest one: what was never agreed to is not agreed to either way.

    Raises Contradiction(too_many_consents)."""
    others = [c for c in consents.values() if c.purpose != HISTORY]
    if consent.purpose == HISTORY or len(others) < PURPOSES:
        return consents
    refused = [c for c in others if not c.granted]
    if consent.granted or not refused:
        detail = f"a vehicle holds consents for {PURPOSES} purposes besides {HISTORY}"
        raise Contradiction(detail, Code.TOO_MANY_CONSENTS)
    oldest = min(refused, key=lambda c: c.at)
    return {purpose: c for purpose, c in consents.items() if c is not oldest}
