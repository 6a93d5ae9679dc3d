"""Which signals tell a place: decided for every leaf of VSS 6.0 in `places.json`, each group with its reason."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import product
from pathlib import Path

import msgspec

STORED = Path(__file__).parent.parent / "places.json"
_CHOICES = re.compile(r"\{([^{}]+)\}")

type _Groups = Mapping[str, Mapping[str, list[str]]]
"""By reason: last names by branch, where `{Left,Right}` in a branch stands for each of the two."""


def decision(path: str) -> bool | None:
    """Whether a leaf of VSS 6.0 tells a place; None for a path that is none of its leaves."""
    return _decisions().get(path)


def leaves_of(groups: _Groups) -> Iterator[str]:
    """Every path that the groups name, as often as they name it."""
    for branches in groups.values():
        for branch, names in branches.items():
            parts = _CHOICES.split(branch)
            for chosen in product(*(part.split(",") if number % 2 else [part] for number, part in enumerate(parts))):
                yield from (f"{''.join(chosen)}.{name}" for name in names)


@cache
def _decisions() -> Mapping[str, bool]:
    stored = msgspec.json.decode(STORED.read_bytes())
    places, others = leaves_of(stored["places"]), leaves_of(stored["notPlaces"])
    return dict.fromkeys(others, False) | dict.fromkeys(places, True)
