"""How people come to have access to a vehicle, and how it ends."""

from dataclasses import replace

from shared.domain.garage import CODE_LIVES, INVITATION_LIVES, MEMBERS, SKEW, Invitation, Member, Membership, Role
from shared.domain.garage import Code as ClaimCode
from shared.domain.policy import FORGOTTEN_AFTER, Mode
from shared.domain.profile import Profile
from shared.domain.sales import not_renewing
from shared.errors import Code, Contradiction, NotFound

TAKES_EFFECT = 2_000
"""Milliseconds until a change of privacy mode holds on every instance."""
BORDERS = 16
"""Changes of ownership that are remembered; nothing seen before the last one forgotten is taken in any more."""
BORDERS_KEPT = 2 * FORGOTTEN_AFTER
"""Milliseconds for which they are: a car may buffer for half of it, and what was parked is replayed within the rest."""


def with_code(profile: Profile, digest: str, transfers: bool, at: int) -> Profile:
    """With a new claim code in the place of the last. Without `transfers` it is good for a vehicle without an owner.

    Raises Contradiction(already_claimed)."""
    if profile.primary is not None and not transfers:
        raise Contradiction("the vehicle has an owner, who can hand it on", Code.ALREADY_CLAIMED)
    return replace(profile, code=ClaimCode(digest, at + CODE_LIVES, transfers))


def claimed(profile: Profile, user: str, digest: str, at: int) -> tuple[Profile, bool]:
    """The profile with the person as its owner, and True; or with a try less, and False. A locked or expired code is as
    none."""
    code = profile.code
    if code is None or not code.holds(at):
        return profile, False
    if code.digest != digest:
        return replace(profile, code=replace(code, tries=code.tries + 1)), False
    if profile.primary is not None and not code.transfers:
        return replace(profile, code=None), False
    if profile.primary == user:
        return replace(profile, code=None), True
    return handed_over(replace(profile, code=None), user, at), True


def handed_over(profile: Profile, to: str | None, at: int) -> Profile:
    """A new period of ownership, or none: all access, invitations, rules, consents, codes and switches of the last one
    end, and what was sold is not renewed. Both owners are told."""
    before, revision = profile.primary, profile.revision
    for user in profile.members:
        profile = profile.admitting(user, None, at)
    privacy = profile.privacy.changed(Mode.FULL, at + TAKES_EFFECT, None, at)
    refused = not profile.history_days
    profile = replace(
        profile,
        invitations=(),
        code=None,
        history_from=max(profile.history_from, at) if refused else profile.history_from,
        consents={},
        off=frozenset(),
        rules=profile.rules + 1,
        owned_since=at,
        privacy=privacy,
    )
    profile = not_renewing(_with_border(profile, at), at)
    if before is not None:
        profile = profile.telling(f"handed over {revision}", "vehicle_handed_over", at, {}, before)
    if to is not None:
        profile = profile.admitting(to, Member(Role.PRIMARY, at), at)
        profile = profile.telling(f"owned {revision}", "vehicle_claimed", at, {"role": Role.PRIMARY.value}, to)
    return profile


def _with_border(profile: Profile, at: int) -> Profile:
    """Remembers that the vehicle changed hands at a moment (epoch ms)."""
    known = sorted({*(b for b in profile.borders if b > at - BORDERS_KEPT), at})
    floor = max([profile.privacy.floor, *known[:-BORDERS]])
    return replace(profile, borders=tuple(known[-BORDERS:]), privacy=profile.privacy._replace(floor=floor))


def invited(profile: Profile, id: str, member: Member, digest: str, at: int) -> Profile:
    """With an invitation that is open for a week. Raises Contradiction(too_many_members)."""
    invitations = tuple(i for i in profile.invitations if i.expires_at > at and i.id != id)
    if len(invitations) + len(profile.members) >= MEMBERS:
        raise Contradiction(f"a vehicle has {MEMBERS} people and open invitations", Code.TOO_MANY_MEMBERS)
    return replace(profile, invitations=(*invitations, Invitation(id, member, digest, at + INVITATION_LIVES)))


def withdrawn(profile: Profile, id: str) -> Profile:
    """Without an invitation. Raises NotFound."""
    left = tuple(i for i in profile.invitations if i.id != id)
    if len(left) == len(profile.invitations):
        raise NotFound("no such invitation")
    return replace(profile, invitations=left)


def accepted(profile: Profile, user: str, digest: str, at: int) -> Profile | None:
    """With the person as the member that the invitation says, once; None if there is no such invitation.

    The primary user is told of it. Raises Contradiction(already_member)."""
    found = next((i for i in profile.invitations if i.digest == digest and i.expires_at > at), None)
    if found is None:
        return None
    if profile.member(user, at) is not None:
        raise Contradiction("you have access to this vehicle", Code.ALREADY_MEMBER)
    profile = withdrawn(profile, found.id).admitting(user, replace(found.member, since=at), at)
    facts = {"role": found.member.role.value, "invitation": found.id}
    return profile.telling(f"accepted {found.id}", "access_granted", at, facts)


def removed(profile: Profile, user: str, at: int) -> Profile:
    """Without the person's access, who is told, and the primary user too. With the owner all other access ends."""
    member = profile.members.get(user)
    if member is None:
        raise NotFound("no such member")
    if member.role is Role.PRIMARY:
        return handed_over(profile, None, at)
    fact, facts = f"ended {user} {profile.revision}", {"role": member.role.value}
    owner = [profile.primary] if profile.primary else []
    return profile.admitting(user, None, at).telling(fact, "access_ended", at, facts, user, *owner)


def outlived(profile: Profile, at: int) -> Profile:
    """Without the guests whose time is over."""
    for user, member in profile.members.items():
        if member.ends_at is not None and member.ends_at + SKEW <= at:
            profile = removed(profile, user, member.ends_at)
    return profile


def forgotten(profile: Profile, user: str, at: int) -> Profile:
    """Without anything of a person: the owner's leaving ends the ownership, and what the vehicle saw before is never
    taken in any more. Nobody but the owner is told."""
    member = profile.members.get(user)
    profile = replace(profile, consents={k: c for k, c in profile.consents.items() if c.by != user})
    if member is None:
        return profile
    if member.role is not Role.PRIMARY:
        profile = profile.admitting(user, None, at)
        facts = {"role": member.role.value}
        return profile.telling(f"forgotten {profile.revision}", "access_ended", at, facts)
    after = handed_over(profile, None, at)
    quiet = tuple(e for e in after.outbox if isinstance(e, Membership) or (e in profile.outbox and user not in e.named))
    floor = max(profile.privacy.floor, at)
    return replace(after, outbox=quiet, privacy=after.privacy._replace(floor=floor))
