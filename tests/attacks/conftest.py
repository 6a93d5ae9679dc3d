"""The real handlers over a world in memory, as in tests/functions."""

from tests.functions.conftest import no_real_clock, world

__all__ = ["no_real_clock", "world"]
