"""What people say about how they want to be told, and brands for those who don't."""

from dataclasses import replace
from uuid import NAMESPACE_URL, uuid5

from shared.domain.inbox import Delivery, Item, item_id
from shared.domain.kinds import KINDS, Channel, Urgency
from shared.domain.notification import Audience, Notification
from shared.domain.person import Contact, Person, PersonId
from shared.domain.preferences import SHIPPED, Preferences
from shared.domain.principal import Principal, require_operator, require_user
from shared.domain.quota import CODES_OF_PERSON, CODES_TO_ADDRESS, TESTS_OF_PERSON, mailbox
from shared.errors import Code, Forbidden, Malformed, NotFound
from shared.ports import Brands, Codes, Renderer
from shared.use_cases.everywhere import save_person
from shared.use_cases.outgoing import verification_code
from shared.use_cases.planning import Planning, send_turns, tell_person
from shared.use_cases.quotas import Quotas

NAMED = frozenset({Audience.NAMED})


async def read_preferences(caller: Principal, o: Planning) -> tuple[Preferences, Preferences]:
    """What the caller said, and what holds: theirs, over the brand's, over what is shipped."""
    require_user(caller)
    own = (await o.people.load(caller.person)).value.preferences
    return own, own.over(await brand_preferences(caller.brand, o.brands))


async def put_preferences(caller: Principal, wanted: Preferences, o: Planning) -> tuple[Preferences, Preferences]:
    """Replace what the caller said. Raises Forbidden, Malformed for a locale that is none."""
    require_user(caller)
    require_locale(wanted, o.words.renderer)
    await save_person(caller.person, lambda person: replace(person, preferences=wanted), o.people)
    return wanted, wanted.over(await brand_preferences(caller.brand, o.brands))


async def brand_preferences(brand: str, brands: Brands) -> Preferences:
    return (await brands.telling(brand)).over(SHIPPED)


async def put_brand_preferences(caller: Principal, wanted: Preferences, o: Planning) -> Preferences:
    """Replace how the own brand's people are told who don't say; within a minute it holds everywhere."""
    require_operator(caller)
    require_locale(wanted, o.words.renderer)
    await o.brands.put_telling(caller.brand, wanted)
    return wanted.over(SHIPPED)


def require_locale(wanted: Preferences, renderer: Renderer) -> None:
    if wanted.locale is not None and not renderer.knows(wanted.locale):
        raise Malformed("locale: a language that is known, as de or de-AT", Code.INVALID_LOCALE)


# ---- where mail goes


async def read_contact(caller: Principal, o: Planning) -> Contact | None:
    require_user(caller)
    return (await o.people.load(caller.person)).value.contact


async def put_contact(caller: Principal, email: str | None, o: Planning, quotas: Quotas) -> Contact | None:
    """Say where mail goes; a code is mailed there, and until it comes back the address before holds. None takes it
    away. Raises TooMany(too_many_mails) once the person asked for too many, or the address was mailed too many: an
    address may be a stranger's."""
    require_user(caller)
    known = (await o.people.load(caller.person)).value.contact
    if email is not None and not (known and known.email == email and known.verified_at is not None):
        what, box = "codes by mail", f"{caller.brand}/{mailbox(email)}"
        await quotas.take(what, str(caller.person), CODES_OF_PERSON, caller.at, Code.TOO_MANY_MAILS)
        await quotas.take(what, box, CODES_TO_ADDRESS, caller.at, Code.TOO_MANY_MAILS)

    def step(person: Person) -> Person:
        known = person.contact
        if email is None or (known and known.email == email and known.verified_at is not None):
            return person if email else replace(person, contact=None)
        return replace(person, contact=Contact(email, caller.at, before=known.reachable if known else None))

    person = await save_person(caller.person, step, o.people)
    if person.contact and person.contact.verified_at is None:
        await _mail_code(person, person.contact, o)
    return person.contact


async def _mail_code(person: Person, contact: Contact, o: Planning) -> None:
    """On its way like all other mail, and in nobody's inbox."""
    id, at = str(uuid5(NAMESPACE_URL, f"{person.id}/contact/{contact.asked_at}")), contact.asked_at
    told = Notification(id, "contact_verification", "", person.id.brand, at, {}, None, NAMED, (), Urgency.SAFETY)
    told = replace(told, expires_at=at + KINDS["contact_verification"].lives)
    item = Item(item_id(id, person.id), person.id, told, at, shown=False, deliveries={Channel.EMAIL: Delivery()})
    if await o.inbox.put(item):
        await send_turns(item, at, o.deliveries)


async def verify_contact(caller: Principal, email: str, code: str, o: Planning, codes: Codes) -> Contact:
    """Take the address for the caller's once the code is right. Raises Contradiction(code_rejected) for a wrong one, or
    one too late, or the fifth."""
    require_user(caller)
    right = False

    def step(person: Person) -> Person:
        nonlocal right
        known = person.contact
        right = known is not None and known.email == email and known.verified_at is not None
        if known is None or right or known.email != email or not known.open(caller.at):
            return person
        right = code.upper() == verification_code(person, codes)
        after = Contact(email, known.asked_at, caller.at) if right else replace(known, tries=known.tries + 1)
        return replace(person, contact=after)

    person = await save_person(caller.person, step, o.people)
    if not right or person.contact is None:
        raise Forbidden("the code is wrong, or too old, or was tried too often", Code.CODE_REJECTED)
    return person.contact


async def unsubscribe(sealed: str, o: Planning, codes: Codes) -> str:
    """End one kind of mail for whom the link was mailed to; which kind. Raises NotFound."""
    whose, kind = _unsealed(sealed, codes)

    def step(person: Person) -> Person:
        if person.contact is None:
            return person  # nothing of who was forgotten comes back
        return replace(person, preferences=person.preferences.switched(kind, Channel.EMAIL, False))

    await save_person(whose, step, o.people)
    return kind


def subscribed_kind(sealed: str, codes: Codes) -> str:
    """Which kind of mail the link ends. Raises NotFound."""
    return _unsealed(sealed, codes)[1]


def _unsealed(sealed: str, codes: Codes) -> tuple[PersonId, str]:
    whose, _, kind = codes.unseal(sealed).rpartition("/")
    if not whose:
        raise NotFound("no such link")
    return PersonId.parse(whose), kind


async def send_test(caller: Principal, id: str, o: Planning, quotas: Quotas) -> str:
    """Tell the caller, over every channel that reaches them, that this is a test; the notification's id. Raises
    TooMany(too_many_mails)."""
    require_user(caller)
    await quotas.take("tests", str(caller.person), TESTS_OF_PERSON, caller.at, Code.TOO_MANY_MAILS)
    told = Notification(id, "test", "", caller.brand, caller.at, {}, None, NAMED)
    told = replace(told, expires_at=caller.at + KINDS["test"].lives)
    defaults = await brand_preferences(caller.brand, o.brands)
    await tell_person(told, caller.person, "", defaults, caller.at, o)
    return id
