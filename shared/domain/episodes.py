"""Stretches of time in which a rule holds: how they begin and end, and what is told of them."""

from collections.abc import Mapping, Set
from typing import NamedTuple

from shared.domain.rules import Book, Episode, Facts, Rule, View

HOUR = 3_600_000


class Told(NamedTuple):
    """Something to tell: its kind, what makes it unique for its vehicle, when it came about (epoch ms), the facts."""

    kind: str
    fact: str
    at: int
    facts: Facts


MOST_SUBJECTS = 100
"""Trouble codes that are followed of one vehicle at once, over all its rules; what it lists beyond is counted."""

type Episodes = Mapping[str, Episode]
"""By rule, or `rule/subject` where a rule holds for several."""


def weigh(book: Book, episodes: Episodes, view: View, in_time: bool) -> tuple[Episodes, list[Told], int]:
    """The episodes after a sample, what is told, and how many subjects are not followed as they are too many.

    A sample that is too old to tell (`in_time`) ends episodes but begins none. Linear in what the sample lists and what
    is followed: the episodes are copied once, and only if they change."""
    told, after, beyond = list[Told](), dict(episodes), 0
    for rule in book.touched(view.fresh):
        active = rule.active(view)
        if active is None:
            continue
        if rule.id not in after and (since := rule.held_since(view)) is not None:
            after[rule.id] = Episode(since, True)
        told += _over(rule, after, active.keys(), view.at, in_time)
        followed = sum("/" in key for key in after) if active and "" not in active else 0
        for subject, facts in active.items():
            key = f"{rule.id}/{subject}" if subject else rule.id
            known = after.get(key)
            if known is None and subject and in_time:
                if followed >= MOST_SUBJECTS:
                    beyond += 1
                    continue
                followed += 1
            found = _going_on(rule, known, view.at, in_time)
            if found and found != known:
                after[key] = found
                if found.told and not (known and known.told):
                    told += _begun(rule, key, found, facts)
    return (after if after != episodes else episodes), told, beyond


def _over(rule: Rule, episodes: dict[str, Episode], active: Set[str], at: int, in_time: bool) -> list[Told]:
    """End the rule's episodes whose subject is not active any more, or note that they may be over."""
    told = list[Told]()
    for key in [k for k in episodes if k.partition("/")[0] == rule.id and k.partition("/")[2] not in active]:
        known = episodes[key]
        if known.told and rule.confirm and known.clears < 0 and in_time:
            episodes[key] = known._replace(clears=at)
            continue
        ended_at = known.clears if known.clears >= 0 else at
        told += _ended(rule, key, known, ended_at) if in_time else []
        del episodes[key]
    return told


def _going_on(rule: Rule, known: Episode | None, at: int, in_time: bool) -> Episode | None:
    """A second sample that shows it confirms it; one that has to last goes by time."""
    if known is None:
        return Episode(at, rule.lasts == 0) if in_time else None
    return Episode(known.since, known.told or at - known.since >= rule.hold)


def heard(book: Book, episodes: Episodes, at: int) -> tuple[Episodes, list[Told]]:
    """The vehicle is not silent any more."""
    told = list[Told]()
    for rule in book.silences:
        if rule.id in episodes:
            told += _ended(rule, rule.id, episodes[rule.id], at)
            episodes = {k: e for k, e in episodes.items() if k != rule.id}
    return episodes, told


def elapse(
    book: Book, episodes: Episodes, view: View, seen_at: int, now: int, offset: int = 0
) -> tuple[Episodes, list[Told]]:
    """What time alone has brought by `now`: conditions that have lasted and still hold, by a clock that is `offset` ms
    behind, and silence since `seen_at` (epoch ms)."""
    told = list[Told]()
    for key, episode in episodes.items():
        rule = book.by_id.get(key.partition("/")[0])
        if rule is not None and episode.clears >= 0 and now - offset - episode.clears >= rule.confirm:
            told += _ended(rule, key, episode, episode.clears)
            episodes = {k: e for k, e in episodes.items() if k != key}
            continue
        if rule is None or episode.told or now - offset - episode.since < rule.lasts:
            continue
        active, subject = rule.active(view), key.partition("/")[2]
        if active is not None and subject not in active:
            episodes = {k: e for k, e in episodes.items() if k != key}
            continue
        facts = active[subject] if active else {}
        episodes = {**episodes, key: Episode(episode.since, True)}
        told += _begun(rule, key, episode, facts)
    for rule in book.silences:
        if rule.id not in episodes and 0 <= seen_at <= now - rule.hold:
            since = Episode(seen_at + rule.hold, True)
            episodes = {**episodes, rule.id: since}
            told += _begun(rule, rule.id, since, {"silentSince": seen_at})
    return episodes, told


def next_moment(book: Book, episodes: Episodes, seen_at: int, now: int, offset: int = 0) -> int | None:
    """When time alone may do something next (epoch ms). Of a silence to the hour, so that it does not move with every
    event: early, never late."""
    moments = [
        offset + (e.clears + r.confirm if e.told else e.since + r.lasts)
        for k, e in episodes.items()
        if (not e.told or e.clears >= 0) and (r := book.by_id.get(k.partition("/")[0]))
    ]
    for rule in book.silences:
        if rule.id not in episodes and seen_at >= 0:
            exact = seen_at + rule.hold
            moments.append(exact - exact % HOUR if exact - exact % HOUR > now else exact)
    return min(moments, default=None)


def _begun(rule: Rule, key: str, episode: Episode, facts: Facts) -> list[Told]:
    fact = f"rules/{key}/episodes/{episode.since}"
    kind = rule.tells[0]
    return [Told(kind, fact, episode.since, rule.facts(kind, facts))] if "enter" in rule.on else []


def _ended(rule: Rule, key: str, episode: Episode, at: int) -> list[Told]:
    fact = f"rules/{key}/episodes/{episode.since}/end"
    facts: Facts = {"rule": rule.id, "since": episode.since}
    if key != rule.id:
        facts = {"code": key.partition("/")[2], **facts}
    kind = rule.tells[1]
    return [Told(kind, fact, at, rule.facts(kind, facts))] if episode.told and "exit" in rule.on else []
