"""The fixtures of the real handlers over a world in memory."""

from tests.functions.conftest import no_real_clock, world

__all__ = ["no_real_clock", "world"]
