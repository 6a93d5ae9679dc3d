"""HTTP: whom a vehicle belongs to, and who else may use it."""

import azure.functions as func

from functions.http import answer, asked, body, caller, endpoint, no_content
from functions.reading import path_id, path_user
from shared.bootstrap import world
from shared.codec import schemas
from shared.codec.answers import vehicle_answer
from shared.codec.replies import code_answer, invitation_answer, members_answer, own_vehicle_answer
from shared.codec.requests import Accept, Claim, Invite, Switch
from shared.use_cases import garage

bp = func.Blueprint()


@endpoint(bp, "POST", "v1/vehicles/{vehicle_id}/claim-code", schemas.CodeAnswer, status=201, keyed=True)
async def make_claim_code(req: func.HttpRequest) -> func.HttpResponse:
    """An operator or the car shows a code, with which a person becomes the owner of a vehicle that has none."""
    who, vehicle = await caller(req), path_id(req, "vehicle_id")
    wanted = asked(req, who, f"vehicles/{vehicle}/claim-code", makes="code")
    made = await garage.make_code(who, vehicle, wanted, world().codes, world().reach)
    return answer(code_answer(made.code, made.expires_at), 201)


@endpoint(bp, "POST", "v1/vehicles/{vehicle_id}/transfer", schemas.CodeAnswer, status=201, keyed=True)
async def make_transfer_code(req: func.HttpRequest) -> func.HttpResponse:
    """The owner or an operator gets a code, with which another person takes the vehicle over."""
    who, vehicle = await caller(req), path_id(req, "vehicle_id")
    wanted = asked(req, who, f"vehicles/{vehicle}/transfer", makes="code")
    made = await garage.make_transfer(who, vehicle, wanted, world().codes, world().reach)
    return answer(code_answer(made.code, made.expires_at), 201)


@endpoint(bp, "POST", "v1/me/vehicles", schemas.VehicleAnswer, asks=Claim, status=201, keyed=True)
async def claim_vehicle(req: func.HttpRequest) -> func.HttpResponse:
    """A person becomes the owner of the vehicle whose code it is. Whatever is wrong with it, the answer is the same."""
    who, wanted = await caller(req), body(Claim, req)
    code = wanted.code.upper().replace("-", "")
    profile = await garage.claim(who, wanted.vin, code, asked(req, who, "me/vehicles", makes="claim"), world().reach)
    return answer(vehicle_answer(profile), 201)


@endpoint(bp, "GET", "v1/me/vehicles", schemas.OwnVehiclesAnswer)
async def read_own_vehicles(req: func.HttpRequest) -> func.HttpResponse:
    """The vehicles that the person may use now, each with what kind of access."""
    who = await caller(req)
    found = await garage.read_own(who, world().reach)
    return answer({"items": [own_vehicle_answer(who.subject, profile, member) for profile, member in found]})


@endpoint(bp, "GET", "v1/vehicles/{vehicle_id}/members", schemas.MembersAnswer)
async def read_members(req: func.HttpRequest) -> func.HttpResponse:
    """Who may use it, and who is invited, for its owner and operators."""
    who, vehicle = await caller(req), path_id(req, "vehicle_id")
    return answer(members_answer(await garage.read_members(who, vehicle, world().reach)))


@endpoint(bp, "DELETE", "v1/vehicles/{vehicle_id}/members/{user_id}")
async def remove_member(req: func.HttpRequest) -> func.HttpResponse:
    """A person leaves, or the owner or an operator takes access away. With the owner's all other access ends."""
    who, vehicle, user = await caller(req), path_id(req, "vehicle_id"), path_user(req)
    await garage.remove(who, vehicle, user, world().reach)
    return no_content()


@endpoint(
    bp, "POST", "v1/vehicles/{vehicle_id}/invitations", schemas.InvitationAnswer, asks=Invite, status=201, keyed=True
)
async def invite_member(req: func.HttpRequest) -> func.HttpResponse:
    """The owner or an operator lets whoever accepts it use the vehicle; the token is to be handed over."""
    who, vehicle = await caller(req), path_id(req, "vehicle_id")
    member, wanted = (
        body(Invite, req).member(world().clock()),
        asked(req, who, f"vehicles/{vehicle}/invitations", makes="inv"),
    )
    made, token = await garage.invite(who, vehicle, member, wanted, world().codes, world().reach)
    return answer(invitation_answer(made, token), 201)


@endpoint(bp, "DELETE", "v1/vehicles/{vehicle_id}/invitations/{invitation_id}")
async def withdraw_invitation(req: func.HttpRequest) -> func.HttpResponse:
    """The owner or an operator takes an invitation back."""
    who, vehicle = await caller(req), path_id(req, "vehicle_id")
    await garage.withdraw(who, vehicle, path_id(req, "invitation_id"), world().reach)
    return no_content()


@endpoint(bp, "POST", "v1/me/invitations", schemas.VehicleAnswer, asks=Accept, status=201, keyed=True)
async def accept_invitation(req: func.HttpRequest) -> func.HttpResponse:
    """A person accepts an invitation, and its owner is told."""
    who, wanted = await caller(req), body(Accept, req)
    profile = await garage.accept(who, wanted.token, asked(req, who, "me/invitations", makes="acc"), world().reach)
    return answer(vehicle_answer(profile), 201)


@endpoint(bp, "PUT", "v1/vehicles/{vehicle_id}/services/{feature}", schemas.SwitchAnswer, asks=Switch)
async def switch_service(req: func.HttpRequest) -> func.HttpResponse:
    """A user of the vehicle switches a feature off, for everyone who uses it, or on again."""
    who, vehicle, feature = await caller(req), path_id(req, "vehicle_id"), path_id(req, "feature")
    enabled = body(Switch, req).enabled
    await garage.switch(who, vehicle, feature, enabled, world().catalogs, world().reach)
    return answer({"feature": feature, "enabled": enabled})
