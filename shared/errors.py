"""
Everything that can go wrong, by what the caller should do about it.

* CloudError
  x Rejected            never retry: park an event, answer 4xx
    - Malformed           400  the input breaks its contract
    - Unauthenticated     401  no token, or none that holds
    - Forbidden           403  known, but not allowed
    - NotFound            404  absent, or not yours: the same answer
    - NotAllowed          405  the resource has no such method
    - Contradiction       409  true to its form, but at odds with what is stored
    - TooLarge            413  beyond a limit
    - Unsupported         415  not a media type we read
    - Reused              422  an idempotency key with another body
    - TooMany             429  more requests than a caller may make; `retry_after` says when to come again
  x Conflict            another writer got there first: load, decide, commit again
  x Refused             the store will never take this: park what caused it
  x Unavailable         wait: let the trigger redeliver, answer 503

Every error carries a stable `code`; all codes stand in docs/errors.md.
"""

from enum import StrEnum
from typing import ClassVar


class Code(StrEnum):
    """Every stable code: of a problem answered over HTTP, or the reason why an input was parked."""

    # over HTTP
    ALREADY_CLAIMED = "already_claimed"
    ALREADY_MEMBER = "already_member"
    ALREADY_SUBSCRIBED = "already_subscribed"
    BEING_FORGOTTEN = "being_forgotten"
    BODY_TOO_LARGE = "body_too_large"
    CATALOG_FULL = "catalog_full"
    CODE_REJECTED = "code_rejected"
    CODE_SPENT = "code_spent"
    CONFIG_TOO_LARGE = "config_too_large"
    FORBIDDEN = "forbidden"
    IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused"
    INTERNAL = "internal"
    INVALID_BODY = "invalid_body"
    INVALID_CURSOR = "invalid_cursor"
    INVALID_HEADER = "invalid_header"
    INVALID_LOCALE = "invalid_locale"
    INVALID_QUERY = "invalid_query"
    INVALID_SIGNALS = "invalid_signals"
    INVALID_TEMPLATE = "invalid_template"
    INVALID_URL = "invalid_url"
    MARK_EXPIRED = "mark_expired"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    NOT_FOUND = "not_found"
    NOT_PAYABLE = "not_payable"
    NOT_REPLAYABLE = "not_replayable"
    NO_PERIOD_END = "no_period_end"
    PAYMENT_OUTSTANDING = "payment_outstanding"
    PLAN_TOO_LARGE = "plan_too_large"
    SIGNALS_TOO_LARGE = "signals_too_large"
    SUBSCRIPTION_ENDED = "subscription_ended"
    TOO_MANY_CHALLENGES = "too_many_challenges"
    TEMPLATES_TOO_LARGE = "templates_too_large"
    TOO_MANY_ENDPOINTS = "too_many_endpoints"
    TOO_MANY_MAILS = "too_many_mails"
    TOO_MANY_REQUESTS = "too_many_requests"
    TOO_MANY_MEMBERS = "too_many_members"
    TOO_MANY_CONSENTS = "too_many_consents"
    TOO_MANY_RULES = "too_many_rules"
    TOO_MANY_SUBSCRIPTIONS = "too_many_subscriptions"
    TOO_MANY_TEMPLATES = "too_many_templates"
    TOO_MANY_VEHICLES = "too_many_vehicles"
    TROUBLE_CODES_TOO_LARGE = "trouble_codes_too_large"
    UNAUTHENTICATED = "unauthenticated"
    UNAVAILABLE = "unavailable"
    UNKNOWN_FEATURE = "unknown_feature"
    UNKNOWN_PLAN = "unknown_plan"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    VIN_IN_USE = "vin_in_use"
    # over HTTP, and parked
    DECOMMISSIONED = "decommissioned"
    QUARANTINED = "quarantined"
    # parked
    DEAD_LETTERED = "dead_lettered"
    IMPOSSIBLE_TIME = "impossible_time"
    MALFORMED_DATA = "malformed_data"
    MALFORMED_MESSAGE = "malformed_message"
    NO_DEVICE = "no_device"
    NOT_CLOUDEVENT = "not_cloudevent"
    NOT_JSON = "not_json"
    SPOOFED_SOURCE = "spoofed_source"
    STORE_REFUSED = "store_refused"
    TOO_LARGE = "too_large"
    TOO_MANY_READINGS = "too_many_readings"
    TOO_MUCH_AT_ONCE = "too_much_at_once"
    UNKNOWN_TYPE = "unknown_type"
    UNREGISTERED_DEVICE = "unregistered_device"


class CloudError(Exception):
    """Base of every error this service raises on purpose."""

    code: Code = Code.INTERNAL
    status: ClassVar[int] = 500

    def __init__(self, detail: str = "", code: Code | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        if code is not None:
            self.code = code


class Rejected(CloudError):
    status = 400


class Malformed(Rejected):
    code = Code.INVALID_BODY


class Unauthenticated(Rejected):
    code, status = Code.UNAUTHENTICATED, 401


class Forbidden(Rejected):
    code, status = Code.FORBIDDEN, 403


class NotFound(Rejected):
    code, status = Code.NOT_FOUND, 404


class NotAllowed(Rejected):
    code, status = Code.METHOD_NOT_ALLOWED, 405


class Contradiction(Rejected):
    status = 409


class TooLarge(Rejected):
    code, status = Code.BODY_TOO_LARGE, 413


class Unsupported(Rejected):
    code, status = Code.UNSUPPORTED_MEDIA_TYPE, 415


class Reused(Rejected):
    code, status = Code.IDEMPOTENCY_KEY_REUSED, 422


class TooMany(Rejected):
    code, status = Code.TOO_MANY_REQUESTS, 429

    def __init__(self, detail: str, retry_after: float, code: Code | None = None) -> None:
        super().__init__(detail, code)
        self.retry_after = retry_after


class Conflict(CloudError):
    code, status = Code.UNAVAILABLE, 503


class Refused(CloudError):
    code, status = Code.STORE_REFUSED, 500


class Unavailable(CloudError):
    code, status = Code.UNAVAILABLE, 503


def brief(error: BaseException) -> str:
    """Its kind, and the status that came with it: its own words may hold what people and vehicles said."""
    status = getattr(error, "status_code", None)
    return f"{type(error).__name__} {status}" if status is not None else type(error).__name__
