"""Timer and Service Bus: vehicles and people whose time has come."""

import logging
from uuid import uuid4

import azure.functions as func

from functions.queues import consume
from shared.bootstrap import world
from shared.codec.messages import Wake, decode_wake
from shared.domain.person import PersonId
from shared.use_cases import people, wake

bp = func.Blueprint()
log = logging.getLogger(__name__)


@bp.timer_trigger(arg_name="timer", schedule="%WAKE_SCHEDULE%", run_on_startup=False)
async def sweep_due(timer: func.TimerRequest) -> None:
    """Whoever is due goes onto the `wake` queue. What fails is found by the next run."""
    w = world()
    await wake.sweep(w.clock(), w.states, w.people, w.wakes)


@bp.service_bus_queue_trigger(arg_name="message", queue_name="wake", connection="SERVICEBUS")
async def wake_due(message: func.ServiceBusMessage) -> None:
    """Do what time has brought for the vehicle or the person."""

    async def act(woken: Wake) -> None:
        w = world()
        if woken.person:
            await people.look_after(PersonId.parse(woken.id), uuid4().hex, w.clock, w.everywhere, w.planning)
            return
        await wake.wake(woken.id, w.clock, wake.Outside(w.reach, w.histories, w.rules, w.brands), w.handover_after)

    async def again(woken: Wake, attempt: int, delay: float) -> None:
        log.info("what is due stays due, and the timer finds it again")

    await consume("wake", message, decode_wake, act, again)
