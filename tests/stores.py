"""What a world in memory holds, store by store, as the topology names them."""

from collections.abc import Mapping

from shared.topology import topology
from tests.memory import MemoryWorld


def stored(world: MemoryWorld) -> Mapping[str, str]:
    """Everything that each container, blob container and queue holds, as text; dead letters with their queues."""
    dead = world.dead_letters.held
    found: dict[str, list[object]] = {
        "vehicles": [world.states.shelf.held, world.profiles.shelf.held, vars(world.profiles)],
        "vins": [world.profiles.vins],
        "history": [world.histories.chunks, world.histories.found],
        "people": [world.people.shelf.held, world.people.periods, world.people.forgotten],
        "inbox": [world.inbox.shelf.held],
        "webhooks": [world.endpoints.shelf.held],
        "catalog": [world.catalogs.shelf.held, world.vocabularies.held, world.wordings.shelf.held, vars(world.brands)],
        "ledger": [world.ledgers.shelf.held],
        "audit": [vars(world.audit)],
        "parked": [world.parking.held],
        "exports": [world.exports.held],
        "erased": [world.erased.held],
        "notifications": [world.notifications.sent, dead.get("notifications")],
        "deliveries": [world.deliveries.sent, dead.get("deliveries")],
        "wake": [world.wakes.sent, dead.get("wake")],
    }
    named = {c.name for c in topology().cosmos.containers} | {c.name for c in topology().blob_containers}
    named |= {queue.name for queue in topology().queues}
    assert found.keys() == named, "every store that the topology names is looked into"
    return {name: repr(parts) for name, parts in found.items()}
