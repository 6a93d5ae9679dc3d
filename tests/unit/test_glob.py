import re
from random import Random

import pytest

from shared.domain.glob import LONGEST, PATTERNS, STARS, Glob, any_of


@pytest.mark.parametrize(
    ("pattern", "fits", "misses"),
    [
        ("Vehicle.Speed", ["Vehicle.Speed"], ["Vehicle.Speed.X", "vehicle.speed", ""]),
        ("*", ["", "a", "a.b"], []),
        ("Vehicle.*", ["Vehicle.", "Vehicle.Speed"], ["Vehicle", "X.Vehicle.Speed"]),
        ("*.Position", [".Position", "a.b.Position"], ["Position", "a.Position.b"]),
        ("a*a", ["aa", "aba"], ["a", "ab"]),
        ("*****Z", ["Z", "aZ"], ["", "Za"]),
        ("a*b*c", ["abc", "a-b-b-c"], ["acb", "abcd"]),
    ],
)
def test_a_star_stands_for_any_characters_and_the_rest_for_itself(
    pattern: str, fits: list[str], misses: list[str]
) -> None:
    assert [text for text in fits + misses if Glob(pattern).matches(text)] == fits


def test_it_finds_what_going_back_would_find() -> None:
    random, agreed = Random(1), 0
    for _ in range(20_000):
        pattern = "".join(random.choice("ab*.") for _ in range(random.randrange(9)))
        text = "".join(random.choice("ab.") for _ in range(random.randrange(12)))
        expected = re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), text) is not None
        assert Glob(pattern).matches(text) == expected, (pattern, text)
        agreed += expected
    assert agreed > 1_000


def test_patterns_have_limits() -> None:
    any_of(["a" * LONGEST] * PATTERNS)
    Glob("a*" * STARS)
    for wrong in (["a"] * (PATTERNS + 1), ["a" * (LONGEST + 1)], ["*a" * (STARS + 1)]):
        with pytest.raises(ValueError):
            any_of(wrong)
