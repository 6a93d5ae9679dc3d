"""kill -9 of any part at any moment: the books balance, nothing is lost, nothing is told twice."""

import os
from pathlib import Path

from tests.system.crash import crash_run

KILLS = 100 if os.environ.get("PROVE") else 7
SEED = int(os.environ.get("SEED", "1"))


async def test_killed_parts_lose_nothing_and_tell_nothing_twice(tmp_path: Path) -> None:
    outcome = await crash_run(tmp_path, KILLS, SEED)
    print(f"kills {dict(outcome.kills)}, {outcome.accepted} events, {len(outcome.expected_told)} notifications")
    assert outcome.accepted == outcome.counted
    assert outcome.signals == outcome.expected_signals
    assert set(outcome.told) == outcome.expected_told
    assert set(outcome.told.values()) == {1}
    assert outcome.committed == len(outcome.expected_told) >= 50
    attempted = {key: n for key, (n, _) in outcome.attempts.items() if n}
    sent = {key for key, (_, sent) in outcome.attempts.items() if sent}
    print(f"mails {outcome.mails.total()} of {len(attempted)} deliveries in {sum(attempted.values())} attempts")
    assert sent <= set(outcome.mails) <= set(attempted), "a key a delivery, and no mail that no trail explains"
    assert all(n <= attempted[key] for key, n in outcome.mails.items())
    assert len(sent) >= 10
