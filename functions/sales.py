"""HTTP: what is sold for a vehicle, and given away."""

import azure.functions as func

from functions.http import answer, asked, body, caller, endpoint
from functions.reading import path_id
from shared.bootstrap import world
from shared.codec import schemas
from shared.codec.bodies import to_ms
from shared.codec.orders import Cancel, ChangePlan, GiveFeature, Payment, Subscribe
from shared.codec.replies import entry_answer, grant_answer, sales_answer, subscription_answer
from shared.errors import Malformed
from shared.use_cases import sales
from shared.use_cases.sales import Gift, Order

bp = func.Blueprint()
SOLD = "v1/vehicles/{vehicle_id}/subscriptions"
ONE = SOLD + "/{subscription_id}"


@endpoint(bp, "POST", SOLD, schemas.SubscriptionAnswer, asks=Subscribe, status=201, keyed=True)
async def subscribe_vehicle(req: func.HttpRequest) -> func.HttpResponse:
    """The owner buys a plan: with the trial, if there is one, and else it can be used once it is paid for. Or an
    operator sells it, paid for."""
    who, vehicle = await caller(req), path_id(req, "vehicle_id")
    wanted, again = body(Subscribe, req), asked(req, who, f"vehicles/{vehicle}/subscriptions", makes="sub")
    order = Order(wanted.plan, to_ms(wanted.starts_at))
    sold = await sales.buy(who, vehicle, order, again, world().catalogs, world().reach)
    return answer(subscription_answer(sold, who.at), 201)


@endpoint(bp, "GET", SOLD, schemas.SalesAnswer)
async def read_sales(req: func.HttpRequest) -> func.HttpResponse:
    """What was sold and granted, for the owner and operators."""
    who, vehicle = await caller(req), path_id(req, "vehicle_id")
    return answer(sales_answer(await sales.read(who, vehicle, world().reach), who.at))


@endpoint(bp, "GET", ONE + "/books", schemas.BooksAnswer)
async def read_books_of_sale(req: func.HttpRequest) -> func.HttpResponse:
    """All that was done with one sale or grant, the oldest first, for the owner and operators."""
    who, vehicle = await caller(req), path_id(req, "vehicle_id")
    found = await sales.read_books(who, vehicle, path_id(req, "subscription_id"), world().reach)
    return answer({"items": [entry_answer(entry) for entry in found]})


@endpoint(bp, "POST", ONE + "/cancel", schemas.SubscriptionAnswer, asks=Cancel, keyed=True)
async def cancel_subscription(req: func.HttpRequest) -> func.HttpResponse:
    """It ends now, or where it was paid for."""
    who, vehicle, id = await caller(req), path_id(req, "vehicle_id"), path_id(req, "subscription_id")
    at_once, again = body(Cancel, req).at == "now", asked(req, who, f"vehicles/{vehicle}/{id}/cancel", of=id)
    return answer(subscription_answer(await sales.cancel(who, vehicle, id, at_once, again, world().reach), who.at))


@endpoint(bp, "POST", ONE + "/resume", schemas.SubscriptionAnswer, keyed=True)
async def resume_subscription(req: func.HttpRequest) -> func.HttpResponse:
    """It does not end after all, nor give way to another plan."""
    who, vehicle, id = await caller(req), path_id(req, "vehicle_id"), path_id(req, "subscription_id")
    again = asked(req, who, f"vehicles/{vehicle}/{id}/resume", of=id)
    return answer(subscription_answer(await sales.resume(who, vehicle, id, again, world().reach), who.at))


@endpoint(bp, "POST", ONE + "/change", schemas.SubscriptionAnswer, asks=ChangePlan, keyed=True)
async def change_subscription(req: func.HttpRequest) -> func.HttpResponse:
    """Another plan takes its place where it was paid for; that one's subscription is answered."""
    who, vehicle, id = await caller(req), path_id(req, "vehicle_id"), path_id(req, "subscription_id")
    plan, again = body(ChangePlan, req).plan, asked(req, who, f"vehicles/{vehicle}/{id}/change", makes="sub")
    after = await sales.change(who, vehicle, id, plan, again, world().catalogs, world().reach)
    return answer(subscription_answer(after, who.at))


@endpoint(bp, "POST", ONE + "/payments", schemas.SubscriptionAnswer, asks=Payment, keyed=True)
async def report_payment(req: func.HttpRequest) -> func.HttpResponse:
    """An operator, or a partner that takes payments, says what came of charging for a term."""
    who, vehicle, id = await caller(req), path_id(req, "vehicle_id"), path_id(req, "subscription_id")
    payment, again = body(Payment, req), asked(req, who, f"vehicles/{vehicle}/{id}/payments", of=id)
    paid = payment.result == "paid"
    return answer(
        subscription_answer(await sales.pay(who, vehicle, id, payment.term, paid, again, world().reach), who.at)
    )


@endpoint(bp, "POST", "v1/vehicles/{vehicle_id}/grants", schemas.GrantAnswer, asks=GiveFeature, status=201, keyed=True)
async def grant_feature(req: func.HttpRequest) -> func.HttpResponse:
    """An operator gives a feature, for a time or for good."""
    who, vehicle = await caller(req), path_id(req, "vehicle_id")
    wanted, again = body(GiveFeature, req), asked(req, who, f"vehicles/{vehicle}/grants", makes="grant")
    starts, ends = to_ms(wanted.starts_at) or world().clock(), to_ms(wanted.ends_at)
    if ends is not None and ends <= starts:
        raise Malformed("endsAt: not after it starts")
    given = await sales.grant(who, vehicle, Gift(wanted.feature, starts, ends), again, world().catalogs, world().reach)
    return answer(grant_answer(given), 201)


@endpoint(bp, "POST", "v1/vehicles/{vehicle_id}/grants/{grant_id}/revoke", schemas.GrantAnswer, keyed=True)
async def revoke_grant(req: func.HttpRequest) -> func.HttpResponse:
    """An operator takes a grant back from now on."""
    who, vehicle, id = await caller(req), path_id(req, "vehicle_id"), path_id(req, "grant_id")
    again = asked(req, who, f"vehicles/{vehicle}/grants/{id}/revoke", of=id)
    return answer(grant_answer(await sales.revoke(who, vehicle, id, again, world().reach)))
