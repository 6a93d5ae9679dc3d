"""The served OpenAPI is what is served: whatever is asked, no answer is a defect, and none is undocumented."""

import contextlib
import os
from random import Random
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from yarl import URL

import function_app
from functions.http import ROUTES
from local.cloud import Api, Cloud
from local.town import CATALOG
from tests.system.test_road import register

EXAMPLES = 5_000 if os.environ.get("PROVE") else 400
CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)
ROLES: tuple[list[str], ...] = (["operator"], ["operator"], [], [], ["vehicle"], ["partner"])


async def document(cloud: Cloud) -> dict[str, Any]:
    async with aiohttp.ClientSession() as http, http.get(cloud.url.replace("/v1", "/openapi.json")) as answer:
        assert answer.status == 200
        return dict(await answer.json())


async def test_every_route_is_in_it_with_a_promise(cloud: Cloud) -> None:
    served = await document(cloud)
    assert function_app.app, "which fills ROUTES"
    assert served["openapi"] == "3.1.0"
    named = {(m.upper(), path) for path, methods in served["paths"].items() for m in methods}
    assert named == {(route.method, f"/api/{route.template}") for route in ROUTES}
    assert all(operation["summary"] for methods in served["paths"].values() for operation in methods.values())


@pytest.mark.parametrize(("path", "status"), [("vehicles/a%0Ab", 401), ("nothing/a%0Ab", 404), ("nothing%00", 404)])
async def test_whatever_stands_in_a_path_the_answer_is_a_problem(cloud: Cloud, path: str, status: int) -> None:
    url = URL(f"{cloud.url}/{path}", encoded=True)
    async with aiohttp.ClientSession() as http, http.get(url) as answer:
        assert (answer.status, answer.content_type) == (status, "application/problem+json")


async def people(cloud: Cloud) -> tuple[list[str], list[str], dict[str, str]]:
    """Some vehicles of a brand of their own, tokens of every kind of caller, and ids that are there."""
    brand = f"brand-{uuid4().hex[:8]}"
    async with Api(cloud.url, cloud.issuer.token("operator-1", brand, ["operator"])) as operator:
        await operator.call("PUT", "catalog", CATALOG)
        vehicles = [await register(operator, f"user-{number % 3}") for number in range(6)]
        sold = await operator.call("POST", f"vehicles/{vehicles[0]}/subscriptions", {"plan": "media"})
        given_ = await operator.call("POST", f"vehicles/{vehicles[0]}/grants", {"feature": "driver-log"})
    tokens = []
    for number in range(60):
        roles = ROLES[number % len(ROLES)]
        subject = (
            vehicles[number % 6] if roles == ["vehicle"] else f"user-{number % 3}" if not roles else f"caller-{number}"
        )
        scope = "vehicle state history entitlements payments"
        tokens.append(cloud.issuer.token(subject, brand, roles, scope=scope))
    known = {"subscription_id": sold["id"], "grant_id": given_["id"], "feature": "driver-log", "plan": "media"}
    return vehicles, tokens, known | {"user_id": "user-1", "purpose": "history", "rule_id": "rule-1"}


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
async def test_no_answer_is_a_defect_and_none_is_undocumented(cloud: Cloud, mode: GenerationMode) -> None:
    vehicles, tokens, known = await people(cloud)
    schema = schemathesis.openapi.from_dict(await document(cloud))
    operations: list[Any] = [found.ok() for found in schema.get_all_operations()]  # type: ignore[union-attr]
    assert len(operations) == len(ROUTES)
    each = EXAMPLES // (2 * (len(operations) - 8)) + 1
    ways = settings(
        max_examples=each,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        derandomize=True,
        database=None,
    )
    seen, random = list[int](), Random(7)

    def hold(operation: Any) -> None:
        @ways
        @given(case=operation.as_strategy(generation_mode=mode), of=st.integers(0, 5), by=st.integers(0, 59))
        def ask(case: Any, of: int, by: int) -> None:
            parameters = case.path_parameters or {}
            for name in parameters:
                if random.random() < 0.8:
                    parameters[name] = vehicles[of] if name == "vehicle_id" else known.get(name, parameters[name])
            headers = {"Authorization": f"Bearer {tokens[by]}"}
            answer = case.call(base_url=cloud.url.replace("/api/v1", ""), headers=headers, timeout=20)
            case.validate_response(answer, checks=CHECKS)
            seen.append(answer.status_code)

        ask()

    for operation in operations:
        with contextlib.suppress(Unsatisfiable):  # where there is nothing that could be wrong
            hold(operation)
    assert len(seen) >= EXAMPLES // 2
    good = sum(status < 400 for status in seen)
    assert mode is GenerationMode.NEGATIVE or good > len(seen) / 10, "most of them were refused at the door"
