"""At which other moments the suites are run."""

from tests.moments import MOMENTS, TURKISH, ZONES, all_runs, pick_runs


def test_a_commit_picks_three_moments_with_both_zones_and_the_turkish_locale() -> None:
    for commit in map(str, range(100)):
        runs = pick_runs(commit)
        assert runs == pick_runs(commit)
        assert len({run.moment for run in runs}) == 3
        assert {run.zone for run in runs} == set(ZONES)
        assert [run.locale for run in runs].count(TURKISH) == 1


def test_no_moment_is_forgotten_over_many_commits() -> None:
    picks = {(run.moment, run.zone, run.locale == TURKISH) for n in range(500) for run in pick_runs(str(n))}
    assert len(picks) == len(MOMENTS) * len(ZONES) * 2


def test_every_moment_is_run_in_every_zone_and_in_the_turkish_locale() -> None:
    runs = all_runs()
    assert len({(run.moment, run.zone) for run in runs}) == len(runs) == len(MOMENTS) * len(ZONES)
    assert {run.moment for run in runs if run.locale == TURKISH} == set(MOMENTS)
