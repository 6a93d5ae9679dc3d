"""What people may ask of their data: to be given it, and to be forgotten."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial

from shared.domain.person import EXPORT_LIVES, Erasure, Export, Person, PersonId, Progress
from shared.domain.principal import Principal, require_user
from shared.domain.profile import Request, made_before
from shared.errors import CloudError, Code, Conflict, Contradiction, NotFound
from shared.ports import Clock, Codes
from shared.use_cases.amend import Asked
from shared.use_cases.collecting import collect
from shared.use_cases.digests import gather
from shared.use_cases.everywhere import Outside, save_person
from shared.use_cases.forgetting import erase
from shared.use_cases.jobs import Job, take
from shared.use_cases.planning import Planning

LINK_LIVES = 15 * 60_000
"""Milliseconds for which a link to an export holds; another one can be had for as long as the export is kept."""

_LINK = ":export:"
"""With what the text of a link to an export begins, and no other sealed text: no brand begins with a colon."""


async def ask_export(caller: Principal, asked: Asked, o: Outside) -> Export:
    """Have everything written down that is held about the person; while one is on its way it is that one.

    Raises Forbidden, Reused, Contradiction(being_forgotten)."""
    require_user(caller)

    def decide(person: Person) -> tuple[Person, str]:
        if person.erasure is not None:
            raise Contradiction("what is held about you is being forgotten", Code.BEING_FORGOTTEN)
        made = made_before(person.requests, asked.key, asked.digest) or next(
            (e.id for e in person.waiting_exports), None
        )
        if made is not None:
            return person, made
        after = person.asking(Export(asked.made, caller.at), caller.at)
        return _remembering(after, asked), asked.made

    person, made = await _change(caller.person, decide, o)
    found = next((e for e in person.exports if e.id == made), None)
    return found or Export(made, caller.at, Progress.DONE)


async def read_export(caller: Principal, id: str, o: Outside, codes: Codes) -> tuple[Export, str | None, int]:
    """How far it is, and once it is written what its link ends with, and until when that holds (epoch ms).

    Raises NotFound."""
    require_user(caller)
    person = (await o.reach.people.load(caller.person)).value
    found = next((e for e in person.exports if e.id == id and caller.at < e.asked_at + EXPORT_LIVES), None)
    if found is None:
        raise NotFound("no such export")
    until = min(caller.at + LINK_LIVES, found.asked_at + EXPORT_LIVES)
    waits, lease = found.progress is Progress.WAITING, person.lease
    if waits and lease and caller.at < lease.until:
        found = replace(found, progress=Progress.RUNNING)
    return found, None if waits else codes.seal(f"{_LINK}{caller.person.pseudonym}:{id}:{until}"), until


async def fetch_export(sealed: str, now: int, o: Outside, codes: Codes) -> bytes:
    """What is held about whoever was given the link, as JSON. Raises NotFound once it does not hold any more."""
    kind, _, named = codes.unseal(sealed).partition(_LINK)
    *name, until = named.split(":")
    if kind or not any(name) or now >= int(until):
        raise NotFound("no such link")
    return await o.exports.read("/".join(name))


async def ask_erasure(caller: Principal, o: Outside) -> Erasure:
    """Have everything forgotten that is held about the person. It can't be taken back; twice is once."""
    require_user(caller)
    wanted = Erasure(caller.at, first_done=False, not_before=caller.at)

    def decide(person: Person) -> tuple[Person, str]:
        if person.erasure is not None:
            return person, ""
        return replace(person, erasure=wanted).scheduled(caller.at), ""

    person, _ = await _change(caller.person, decide, o)
    return person.erasure or wanted


async def read_erasure(caller: Principal, o: Outside) -> tuple[Erasure | None, int]:
    """How far it is; or None and when the last one was done (epoch ms), -1 if there was none lately."""
    require_user(caller)
    erasure = (await o.reach.people.load(caller.person)).value.erasure
    return erasure, await o.reach.people.forgotten_at(caller.person)


async def look_after(id: PersonId, run: str, clock: Clock, o: Outside, planning: Planning) -> None:
    """Do what a person asked for and what is due, a digest too. One run at a time does what takes long: `run` names
    this one. What fails needs no retry: it stays due, and the timer finds it."""
    person = (await o.reach.people.load(id)).value
    if person.erasure is None:
        await gather(person, clock(), planning)
    job = await take(id, run, clock, o.reach.people)
    if job is None:
        return
    try:
        erasing = (await job.load()).erasure is not None
        await (erase(job, o) if erasing else _export(job, o))
    except CloudError:
        with suppress(CloudError):
            await job.end()
        raise


async def _export(job: Job, o: Outside) -> None:
    """Write what waits, as long as nobody is being forgotten meanwhile."""
    for export in (await job.load()).waiting_exports:
        held = await collect(job, o)
        await job.commit()
        await o.exports.put(export.name(job.id), held)
        try:
            await job.commit(partial(Person.exported, id=export.id, at=job.clock()))
        except Conflict:
            left = await o.reach.people.load(job.id)
            if left.version is None or left.value.erasure:
                await o.exports.forget(job.id)
            raise
    await job.end()


async def _change(id: PersonId, decide: Callable[[Person], tuple[Person, str]], o: Outside) -> tuple[Person, str]:
    """Commit what is decided, and have it looked after at once; the timer finds what isn't."""
    made = ""

    def step(person: Person) -> Person:
        nonlocal made
        after, made = decide(person)
        return after

    person = await save_person(id, step, o.reach.people)
    if person.due is not None:
        await o.wakes.send([(str(id), person.due)], people=True)
    return person, made


def _remembering(person: Person, asked: Asked) -> Person:
    if asked.key is None:
        return person
    return replace(person, requests=(*person.requests, Request(asked.key, asked.digest, asked.made))[-8:])
