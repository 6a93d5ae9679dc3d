"""The shapes of what is answered over HTTP: what mypy holds the answers to, and what the served OpenAPI says of them.

Times are RFC 3339 in UTC."""

from typing import Any, Literal, NotRequired, TypedDict

type Scalar = bool | int | float | str
type Config = dict[str, Scalar | list[Scalar]]
type Value = Scalar | list[Scalar]


class Problem(TypedDict):
    type: str
    title: str
    status: int
    code: str
    detail: str


class VehicleAnswer(TypedDict):
    id: str
    vin: str
    brand: str
    region: str
    model: str
    modelYear: int
    status: str
    capabilities: list[str]


class RegisteredAnswer(TypedDict):
    """One of several that were to be registered: the vehicle, or why there is none."""

    vin: str
    status: int
    vehicle: NotRequired[VehicleAnswer]
    code: NotRequired[str]
    detail: NotRequired[str]


class RegisteredAnswers(TypedDict):
    items: list[RegisteredAnswer]


class VehiclesAnswer(TypedDict):
    items: list[VehicleAnswer]
    cursor: str | None


class MemberAnswer(TypedDict):
    userId: str
    role: str
    since: str
    startsAt: str | None
    endsAt: str | None
    features: list[str] | None


class InvitationAnswer(TypedDict):
    """`token` stands only in the answer to whoever made it."""

    id: str
    role: str
    startsAt: str | None
    endsAt: str | None
    features: list[str] | None
    expiresAt: str
    token: NotRequired[str]


class MembersAnswer(TypedDict):
    items: list[MemberAnswer]
    invitations: list[InvitationAnswer]


class OwnVehicleAnswer(TypedDict):
    vehicle: VehicleAnswer
    access: MemberAnswer


class OwnVehiclesAnswer(TypedDict):
    items: list[OwnVehicleAnswer]


class CodeAnswer(TypedDict):
    code: str
    expiresAt: str


class ReadingAnswer(TypedDict):
    value: Value
    at: str
    freshness: str


class EpisodeAnswer(TypedDict):
    rule: str
    since: str


class SequenceAnswer(TypedDict):
    missing: int
    restarts: int


class StateAnswer(TypedDict):
    vehicleId: str
    newestAt: str | None
    lastSeenAt: str | None
    connected: bool | None
    freshness: str
    signals: dict[str, ReadingAnswer]
    episodes: list[EpisodeAnswer]
    sequence: SequenceAnswer
    flags: list[Literal["clock_offset"]]
    clockOffset: float
    quarantined: bool
    privacy: str
    revision: int


class PlaceAnswer(TypedDict):
    latitude: float
    longitude: float
    at: str


class SightingAnswer(TypedDict):
    """Of the newest readings: `speed` in km/h, `charge` in percent, `heading` in degrees; `episodes` are those open."""

    vehicleId: str
    lastSeenAt: str | None
    freshness: str
    place: PlaceAnswer | None
    heading: float | None
    speed: float | None
    charge: float | None
    moving: bool | None
    charging: bool | None
    connected: bool | None
    episodes: int
    privacy: str


class SightingsAnswer(TypedDict):
    """`mark` is from where to follow: the first page's. `gone` are vehicles that are the caller's no more; not
    `complete` is what holds more than one look reads."""

    items: list[SightingAnswer]
    cursor: str | None
    mark: str
    gone: list[str]
    complete: bool


class CallerAnswer(TypedDict):
    subject: str
    brand: str
    kind: str
    verified: bool
    terms: bool
    scopes: list[str]


class PointAnswer(TypedDict):
    at: str
    value: Value
    min: NotRequired[float | None]
    max: NotRequired[float | None]
    mean: NotRequired[float | None]
    readings: NotRequired[int]


class SeriesAnswer(TypedDict):
    vehicleId: str
    path: str
    points: list[PointAnswer]
    cursor: str | None


class DerivedAnswer(TypedDict):
    id: str
    vehicleId: str
    startedAt: str
    endedAt: str
    duration: float
    socFrom: float | None
    socTo: float | None
    energy: float | None


class ChargeAnswer(DerivedAnswer):
    pauses: int
    paused: float


class TripAnswer(DerivedAnswer):
    distance: int
    distanceFrom: str
    fuel: float | None
    bridged: float


class TripsAnswer(TypedDict):
    items: list[TripAnswer]
    cursor: str | None


class ChargesAnswer(TypedDict):
    items: list[ChargeAnswer]
    cursor: str | None


class LineAnswer(TypedDict):
    type: Literal["LineString"]
    coordinates: list[list[float]]


class TripFeature(TypedDict):
    """GeoJSON (RFC 7946)."""

    type: Literal["Feature"]
    id: str
    geometry: LineAnswer | None
    properties: TripAnswer


class ExclusionAnswer(TypedDict("Until", {"from": str})):
    mode: str
    until: str | None


class PrivacyAnswer(TypedDict):
    vehicleId: str
    mode: str
    exclusions: list[ExclusionAnswer]


class PrivacyChanged(TypedDict("From", {"from": str})):
    vehicleId: str
    mode: str
    until: str | None


class ConsentAnswer(TypedDict):
    purpose: str
    version: int
    granted: bool
    text: str
    days: int
    by: str
    at: str


class ConsentsAnswer(TypedDict):
    versions: list[ConsentAnswer]


class RulesAnswer(TypedDict):
    rules: list[dict[str, Any]]


class LeafAnswer(TypedDict):
    datatype: str
    place: bool
    unit: NotRequired[str]
    min: NotRequired[float]
    max: NotRequired[float]
    allowed: NotRequired[list[Scalar]]


class SignalsAnswer(TypedDict):
    signals: dict[str, LeafAnswer]


class Count(TypedDict):
    signals: int


class TripSettingsAnswer(TypedDict):
    minimumMetres: float
    minimumSeconds: int


class ThresholdsAnswer(TypedDict):
    liveSeconds: int
    staleSeconds: int


class TroubleCodesAnswer(TypedDict):
    codes: dict[str, str]


class CodesCount(TypedDict):
    codes: int


class ParkedAnswer(TypedDict):
    name: str
    source: str
    device: str
    at: str
    reason: str
    detail: str
    replayedAt: str | None
    body: NotRequired[str]
    bodyBase64: NotRequired[str]


class ParkedAnswers(TypedDict):
    items: list[ParkedAnswer]
    cursor: str | None


class ReplayedAnswer(TypedDict):
    name: str
    outcome: str


class ReplayedAnswers(TypedDict):
    outcomes: dict[str, int]
    more: bool


class AccessAnswer(TypedDict):
    at: str
    who: str
    what: str
    whose: str
    detail: str


class TallyAnswer(TypedDict):
    """Requests beyond the day's limit of records, rounded up to fifty."""

    who: str
    what: str
    counted: int


class AuditAnswer(TypedDict):
    items: list[AccessAnswer]
    counted: list[TallyAnswer]
    cursor: str | None


class NeedsAnswer(TypedDict):
    roles: list[str]
    verified: bool
    terms: bool
    consents: list[str]
    regions: list[str]
    capabilities: list[str]
    statuses: list[str]
    mode: str | None


class FeatureAnswer(TypedDict):
    id: str
    name: str
    kind: str
    config: Config | None
    needs: NeedsAnswer
    shows: list[str]


class PlanAnswer(TypedDict):
    """`price` is in the smallest unit of the currency; `configs` are those that differ from the feature's own."""

    id: str
    name: str
    features: list[str]
    configs: dict[str, Config]
    period: str
    price: int
    currency: str
    trialDays: int
    graceDays: int
    version: int


class CatalogAnswer(TypedDict):
    brand: str
    features: list[FeatureAnswer]
    plans: list[PlanAnswer]


class TermAnswer(TypedDict):
    startsAt: str
    endsAt: str | None


class SubscriptionAnswer(TypedDict):
    """`term` is the one that runs, `paidTerms` how many were paid for, `accessEndsAt` when what was sold can no longer
    be used if nothing else happens."""

    id: str
    plan: PlanAnswer
    state: str
    startsAt: str
    term: TermAnswer
    paidTerms: int
    accessEndsAt: str | None
    cancelsAt: str | None
    successor: str | None


class GrantAnswer(TypedDict):
    id: str
    feature: str
    config: Config | None
    startsAt: str
    endsAt: str | None


class SalesAnswer(TypedDict):
    subscriptions: list[SubscriptionAnswer]
    grants: list[GrantAnswer]


class EntryAnswer(TypedDict):
    id: str
    what: str
    at: str
    by: str
    facts: dict[str, Any]


class BooksAnswer(TypedDict):
    items: list[EntryAnswer]


class FindingAnswer(TypedDict):
    need: str
    wanted: Any
    found: Any
    met: bool


class DecisionAnswer(TypedDict):
    """`cacheFor` is in seconds. `needs` only where it was asked to be explained."""

    vehicleId: str
    feature: str
    allowed: bool
    reasons: list[str]
    kind: str | None
    config: Config | None
    graceUntil: str | None
    validUntil: str | None
    cacheFor: int
    stale: bool
    needs: NotRequired[list[FindingAnswer]]


class DecisionsAnswer(TypedDict):
    vehicleId: str
    decisions: list[DecisionAnswer]


class PassportAnswer(TypedDict):
    passport: str
    expiresAt: str
    offlineValidUntil: str
    minIssuedAt: int
    leftOut: list[str]


class PassportStatusAnswer(TypedDict):
    minIssuedAt: int


class Jwk(TypedDict):
    kty: str
    crv: str
    x: str
    kid: str
    alg: str
    use: str


class Jwks(TypedDict):
    keys: list[Jwk]


class SwitchAnswer(TypedDict):
    feature: str
    enabled: bool


class ExportAnswer(TypedDict):
    id: str
    status: str
    askedAt: str
    url: str | None
    urlExpiresAt: str | None


class ErasureAnswer(TypedDict):
    status: str
    askedAt: str


class _Pass(TypedDict):
    number: int
    notBefore: str
    done: int
    steps: int


class ErasureProgress(TypedDict):
    """`none`, `erasing` or `erased`. `underWay` is the pass of the two that is being done, not before a moment, and how
    many of its steps are done; 0 steps while they are not counted."""

    status: str
    askedAt: str | None
    erasedAt: str | None
    underWay: _Pass | None


class ErasuresReplayed(TypedDict):
    begun: int
    cursor: str | None


class LedgerEntryAnswer(TypedDict):
    """`enqueuedAt` is when the hub took the newest event that was counted, `countedAt` when it was: between them lies
    what ingest lags behind."""

    id: str
    enqueuedAt: str | None
    countedAt: str | None
    accepted: int
    balanced: bool
    outcomes: dict[str, int]
    reasons: dict[str, int]
    samples: int
    readings: int
    refused: int
    unknown: int
    skewed: int
    limited: int


class LedgerAnswer(TypedDict):
    partitions: list[LedgerEntryAnswer]


class HealthAnswer(TypedDict):
    status: str
