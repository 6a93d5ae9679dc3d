"""Handing on what was committed."""

from collections.abc import Sequence
from dataclasses import replace

from shared.domain.notification import Notification
from shared.domain.vehicle import VehicleState
from shared.errors import Conflict, Unavailable
from shared.ports import Notifications, States, Versioned


async def save(found: Versioned[VehicleState], state: VehicleState, states: States) -> Versioned[VehicleState]:
    """Commit over what was found, one revision on."""
    after = replace(state, revision=found.value.revision + 1)
    return Versioned(after, await states.commit(after, found.version))


async def tell(
    found: Versioned[VehicleState], states: States, notifications: Notifications
) -> Versioned[VehicleState] | None:
    """Send what the committed outbox holds, then forget it; None if another writer came in between.

    What was sent before a failure is forgotten too, so that a long outbox drains under faults. A crash in between
    sends an entry again, under the same id."""
    sent: list[Notification] = []
    try:
        for notification in found.value.outbox:
            await notifications.send(notification)
            sent.append(notification)
    finally:
        left = await _forget(found, sent, states)
    return left


async def _forget(
    found: Versioned[VehicleState], sent: Sequence[Notification], states: States
) -> Versioned[VehicleState] | None:
    if not sent:
        return found
    try:
        return await save(found, found.value.told(sent), states)
    except (Conflict, Unavailable):
        return None  # whoever wrote in between found the same outbox, and sends it too
