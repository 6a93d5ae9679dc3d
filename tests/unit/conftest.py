from tests.clock_guard import no_real_clock

__all__ = ["no_real_clock"]
