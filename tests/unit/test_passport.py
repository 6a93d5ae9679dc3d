"""A passport is believed if it is one of ours, for this vehicle, now; and the verifier stands alone."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from shared import passport
from shared.adapters.passports import ALPHABET, CHARACTERS, Ed25519Signer, SecretCodes
from shared.domain.profile import HANDOVER_MARGIN
from shared.passport import LEEWAY, LIVES, InvalidPassport, verify
from shared.use_cases.entitlements import PASSPORT_LIVES
from tests.vectors.make import AT, FILE, KEY, NEXT, SIGNER, STRANGE, pem, vectors

VECTORS: dict[str, Any] = json.loads(FILE.read_text())


def test_the_vectors_are_the_ones_that_are_made() -> None:
    assert vectors() == VECTORS


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["name"])
def test_a_vector_holds_or_not(case: dict[str, Any]) -> None:
    def read() -> object:
        heard = {"min_issued_at": case["minIssuedAt"]} if "minIssuedAt" in case else {}
        return verify(case["token"], VECTORS["keys"], VECTORS["issuer"], VECTORS["vehicle"], case["at"], **heard)

    if case["holds"]:
        assert read()
    else:
        with pytest.raises(InvalidPassport):
            read()


def test_a_feature_may_be_used_until_its_end_and_by_those_whose_role_it_asks_for() -> None:
    found = verify(VECTORS["cases"][0]["token"], VECTORS["keys"], VECTORS["issuer"], VECTORS["vehicle"], AT)
    assert [found.allows("remote-climate", at) for at in (AT, AT + 3599, AT + 3600)] == [True, True, False]
    assert [found.allows("digital-key", AT, role) for role in ("primary", "guest", None)] == [True, False, False]
    assert (found.allows("wifi-hotspot", AT + LIVES - 1), found.allows("wifi-hotspot", AT + LIVES)) == (True, False)
    assert (found.config("wifi-hotspot"), found.config("remote-climate")) == ({"gigabytes": 10}, None)
    assert (found.allows("teleport", AT), found.config("teleport")) == (False, None)


def test_one_of_before_the_vehicle_changed_hands_says_so() -> None:
    token = VECTORS["cases"][0]["token"]
    with pytest.raises(InvalidPassport, match="before the vehicle changed hands"):
        verify(token, VECTORS["keys"], VECTORS["issuer"], VECTORS["vehicle"], AT, AT + 1)


def test_new_passports_are_dated_no_later_than_the_verifier_takes_them() -> None:
    assert HANDOVER_MARGIN < LEEWAY * 1000


def test_a_passport_is_issued_for_no_longer_than_it_is_believed() -> None:
    assert PASSPORT_LIVES == LIVES


def test_a_key_is_published_before_it_signs_and_after() -> None:
    before, during, after = ([KEY], [KEY, NEXT], [NEXT, KEY])
    claims = json.loads(json.dumps({"sub": "veh-1", "brand": "b", "iat": AT, "exp": AT + 9, "features": {}}))
    for signing in (before, during, after):
        token = Ed25519Signer([pem(key) for key in signing], "us").sign(claims)
        assert verify(token, SIGNER.published(), "us", "veh-1", AT).brand == "b"
    with pytest.raises(InvalidPassport):
        verify(Ed25519Signer([pem(STRANGE)], "us").sign(claims), SIGNER.published(), "us", "veh-1", AT)


@pytest.mark.parametrize("pems", [[], ["junk"]])
def test_without_a_key_nothing_is_signed(pems: list[str]) -> None:
    with pytest.raises(ValueError):
        Ed25519Signer(pems, "us")


def test_the_verifier_has_under_a_hundred_lines_and_needs_nothing_of_azure_or_of_ours(tmp_path: Path) -> None:
    source = Path(passport.__file__).read_text()
    assert len(source.splitlines()) < 100
    (tmp_path / "passport.py").write_text(source)
    loaded = "sorted(m for m in sys.modules if m.split('.')[0] in ('azure', 'shared', 'pydantic'))"
    code = f"import passport, sys; print({loaded})"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_code_is_the_same_for_the_same_key_and_else_another_each_time() -> None:
    codes = SecretCodes("secret")
    assert codes.make("key") == codes.make("key") != codes.make("other")
    assert codes.make("key") != SecretCodes("another").make("key")
    made = {codes.make(None) for _ in range(100)}
    assert len(made) == 100
    assert all(len(code) == CHARACTERS and set(code) <= set(ALPHABET) for code in made)
