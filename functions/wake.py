"""Timer and Service Bus: vehicles whose time has come."""

import logging

import azure.functions as func

from functions.http import now_ms
from functions.queues import consume
from shared.bootstrap import world
from shared.codec.messages import decode_wake
from shared.use_cases import wake

bp = func.Blueprint()
log = logging.getLogger(__name__)


@bp.timer_trigger(arg_name="timer", schedule="%WAKE_SCHEDULE%", run_on_startup=False)
async def sweep_due(timer: func.TimerRequest) -> None:
    """Whoever is due goes onto the `wake` queue. What fails is found by the next run."""
    await wake.sweep(now_ms(), world().states, world().wakes)


@bp.service_bus_queue_trigger(arg_name="message", queue_name="wake", connection="SERVICEBUS")
async def wake_vehicle(message: func.ServiceBusMessage) -> None:
    """Do what time has brought for the vehicle."""

    async def act(vehicle_id: str) -> None:
        w = world()
        outside = wake.Outside(w.states, w.profiles, w.notifications, w.histories, w.rules)
        await wake.wake(vehicle_id, now_ms, outside, w.handover_after)

    async def again(vehicle_id: str, attempt: int, delay: float) -> None:
        log.info("%s stays due, and the timer finds it again", vehicle_id)

    await consume("wake", message, decode_wake, act, again)
