"""What is asked over HTTP, as pydantic models."""

from typing import Annotated, Any, Literal

from pydantic import Field, RootModel, StringConstraints

from shared.codec.bodies import LATER, Body, Id, Name, Time, UserId, to_ms
from shared.codec.rules import AnyRule
from shared.domain.freshness import Thresholds
from shared.domain.garage import Member, Role
from shared.domain.policy import Mode, Status
from shared.domain.profile import Profile
from shared.domain.trip_settings import TripSettings
from shared.domain.vin import require_vin
from shared.errors import Forbidden, Malformed


class RegisterVehicle(Body):
    """A vehicle to be registered under the caller's brand; to name another is forbidden."""

    vin: str
    brand: Id | None = None
    region: Id
    model: Name
    model_year: Annotated[int, Field(ge=1980, le=2100)]
    capabilities: Annotated[list[Id], Field(max_length=200)] = []
    roles: Annotated[dict[UserId, Annotated[Role, Field(strict=False)]], Field(max_length=20)] = {}

    def profile(self, vehicle_id: str, brand: str) -> Profile:
        """What it will be once registered. Raises Malformed for a VIN that its region does not accept, for guests and
        for two primary users, Forbidden for another's brand."""
        if self.brand not in (None, brand):
            raise Forbidden("only vehicles of the own brand can be registered")
        require_vin(self.vin, self.region)
        given = list(self.roles.values())
        if given.count(Role.PRIMARY) > 1 or Role.GUEST in given:
            raise Malformed("roles: one primary user at most, and no guests, who are invited")
        return Profile(
            vehicle_id,
            self.vin,
            brand,
            self.region,
            self.model,
            self.model_year,
            Status.ACTIVE,
            frozenset(self.capabilities),
            {user: Member(role) for user, role in self.roles.items()},
        )


class RegisterVehicles(RootModel[Annotated[list[RegisterVehicle], Field(min_length=1, max_length=100)]]):
    """Several vehicles at once."""

    model_config = LATER


class RegisterOneOrMany(RootModel[RegisterVehicle | RegisterVehicles]):
    """What may be sent to register vehicles."""

    model_config = LATER


class Check(Body):
    """Features of a vehicle. An operator may ask for a person; a command is not answered from what was known before."""

    vehicle_id: Id
    features: Annotated[list[Id], Field(min_length=1, max_length=100)]
    user_id: UserId | None = None
    use: Literal["read", "command"] = "read"


class Claim(Body):
    """A vehicle, by its VIN and the code that it or an operator shows."""

    vin: Annotated[str, Field(max_length=32)]
    code: Annotated[str, Field(max_length=64)]


class Invite(Body):
    """Access for whoever accepts: for a guest over a time, and to some features only if they are named."""

    role: Literal["secondary", "guest"]
    starts_at: Time | None = None
    ends_at: Time | None = None
    features: Annotated[list[Id], Field(min_length=1, max_length=100)] | None = None

    def member(self, now: int) -> Member:
        """Raises Malformed for a guest without an end, or anybody else with a time or features."""
        role, starts, ends = Role(self.role), to_ms(self.starts_at), to_ms(self.ends_at)
        if role is Role.GUEST and (ends is None or ends <= max(now, starts or 0)):
            raise Malformed("endsAt: a guest's access ends, after it begins and not in the past")
        if role is not Role.GUEST and (starts, ends, self.features) != (None, None, None):
            raise Malformed("startsAt, endsAt, features: of guests only")
        chosen = None if self.features is None else frozenset(self.features)
        return Member(role, now, starts or 0, ends, chosen)


class Accept(Body):
    """The token of an invitation."""

    token: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_@-]{0,63}\.[0-9A-Z]{4,64}$")]


class Switch(Body):
    """Whether a feature is to be on."""

    enabled: bool


class ChangePrivacy(Body):
    """How much the vehicle may tell from now on; until a moment, or until it is changed again."""

    mode: Annotated[Mode, Field(strict=False)]
    until: Time | None = None


class GiveConsent(Body):
    """A person agrees or refuses, having read a text; of `history` for how many days samples may be kept."""

    granted: bool
    text: Name
    days: Annotated[int, Field(ge=1, le=365)] = 30


class PutRules(Body):
    """Everything that a brand tells of its vehicles."""

    rules: Annotated[list[AnyRule], Field(max_length=50)]


class PutRule(RootModel[AnyRule]):
    """One rule of a vehicle's own."""

    model_config = LATER


class PutTripSettings(Body):
    """What counts as a trip: at least so many metres and seconds."""

    minimum_metres: Annotated[float, Field(strict=False, ge=0, le=100_000)]
    minimum_seconds: Annotated[int, Field(ge=0, le=86_400)]

    def settings(self) -> TripSettings:
        return TripSettings(self.minimum_metres, self.minimum_seconds)


class PutThresholds(Body):
    """Seconds for which a reading is live, and for which it is only stale."""

    live_seconds: Annotated[int, Field(ge=1, le=604_800)]
    stale_seconds: Annotated[int, Field(ge=1, le=31_536_000)]

    def thresholds(self) -> Thresholds:
        if self.stale_seconds < self.live_seconds:
            raise Malformed("staleSeconds: less than liveSeconds")
        return Thresholds(self.live_seconds, self.stale_seconds)


class SignalTree(RootModel[dict[str, Any]]):
    """As `vspec export json` writes it; in an overlay null takes a signal away."""

    model_config = LATER


class PutTroubleCodes(Body):
    """What trouble codes mean."""

    codes: Annotated[
        dict[Annotated[str, StringConstraints(pattern=r"^[PCBU][0-9A-F]{4}(-[0-9A-F]{2})?$")], Name],
        Field(max_length=12_000),
    ]


class Replay(Body):
    """Which of the parked are to be taken in again: those that fit every part that is given, or all."""

    reason: Id | None = None
    day: Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")] | None = None
    device: Id | None = None
