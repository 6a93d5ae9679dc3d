"""The base of everything that is sent to us as JSON over HTTP."""

from datetime import UTC, datetime
from typing import Annotated, overload

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import from_json

from shared.errors import Malformed

Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$")]
"""Of a plan, feature, capability, person: what is safe in a path and as a document id."""
UserId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._@|:-]{0,127}$")]
"""Of a person, as tokens name one: what issuers commonly make of it."""
Name = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,100}$")]
EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9990, 1, 1, tzinfo=UTC)
"""Between these every time can be reckoned with: nine years later it still has four digits."""
type Time = Annotated[AwareDatetime, Field(strict=False, ge=EARLIEST, le=LATEST)]

LATER = ConfigDict(defer_build=True)
"""A cold start pays for the models that its requests use, and for no others."""


class Body(BaseModel):
    """Strict: no field more or less than named, no number for a text."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        alias_generator=to_camel,
        validate_by_alias=True,
        allow_inf_nan=False,
        defer_build=True,
    )


def parse[B: BaseModel](model: type[B], body: bytes) -> B:
    """The body as the model, or Malformed naming every field that is wrong."""
    try:
        return model.model_validate(from_json(body, allow_inf_nan=False))
    except ValidationError as error:
        wrong = (f"{'.'.join(map(str, e['loc'])) or 'body'}: {e['msg']}" for e in error.errors()[:10])
        raise Malformed("; ".join(wrong)) from None
    except (ValueError, RecursionError) as error:
        raise Malformed(f"not JSON: {str(error)[:200]}") from None


@overload
def to_ms(time: datetime) -> int: ...
@overload
def to_ms(time: None) -> None: ...
def to_ms(time: datetime | None) -> int | None:
    """Epoch milliseconds."""
    return None if time is None else int(time.timestamp() * 1000)
