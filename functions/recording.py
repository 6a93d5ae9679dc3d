"""What operators and partners ask for is put on record by default; the exceptions, and what a record says of a path."""

from collections.abc import Mapping

import azure.functions as func
from pydantic import TypeAdapter, ValidationError

from shared.codec.bodies import LATER, Id
from shared.codec.trails import dead_letter_of
from shared.domain.person import PersonId
from shared.domain.principal import Principal
from shared.errors import NotFound

UNRECORDED: Mapping[str, str] = {
    "read_me": "shows callers what their own token says",
    "read_signals": "the brand's signal catalogue, which is about nobody and which every app reads",
    "read_freshness": "a setting of the brand, about nobody",
    "read_trip_settings": "a setting of the brand, about nobody",
    "read_catalog": "what the brand sells, about nobody; every app shows it",
}
"""Routes that need a token and are not put on record, each with its reason. All others are."""
LEFT_OUT = frozenset({"vehicle_id", "rule_id"})
"""Parts of a path that a record's detail does not repeat: a vehicle has its own field, and people choose rules' ids."""
_ID = TypeAdapter(Id, config=LATER)


def detail(req: func.HttpRequest, who: Principal) -> str:
    """What the path names besides the vehicle. A person stands there under the pseudonym, as records outlive people."""
    named = ((name, _named(name, text, who)) for name, text in sorted(req.route_params.items()))
    return " ".join(f"{name}={value}" for name, value in named if value)


def _named(name: str, text: str, who: Principal) -> str:
    if name in LEFT_OUT:
        return ""
    if name == "user_id":
        return PersonId(who.brand, text).pseudonym
    try:
        return _ID.validate_python(dead_letter_of(text[:1_000])[1] if name == "letter_id" else text)
    except (NotFound, ValidationError):
        return ""
