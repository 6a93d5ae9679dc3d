"""The evaluator of templates says what Bicep would, or that it does not know."""

from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from tests.bicep.evaluate import deployed, parameters
from tests.bicep.syntax import Refused, Wrong


def outputs(folder: Path, source: str, **given: Any) -> dict[str, Any]:
    path = folder / "main.bicep"
    path.write_text(dedent(source))
    return deployed(path, given)[1]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("'a${1 + 2}b\\'c'", "a3b'c"),
        ("7 / 2", 3),
        ("max(1, 5, 3) * min(4, 2)", 10),
        ("true && !false ? 'yes' : fail('no')", "yes"),
        ("[for (x, i) in ['a', 'b']: '${x}${i}']", ["a0", "b1"]),
        ("union({ a: 1, b: 2 }, { b: 3 })", {"a": 1, "b": 3}),
        ("{ a: null, 'b-c': 1 }", {"b-c": 1}),
        ("concat([1], [2, 3])[2]", 3),
        ("empty('') && empty({}) && !empty([0])", True),
        ("take(replace('a-b-c', '-', ''), 2)", "ab"),
        ("'''\nx'y'''", "x'y"),
        ("subscription().subscriptionId", "11111111-1111-1111-1111-111111111111"),
    ],
)
def test_an_expression_has_its_value(expression: str, value: object, tmp_path: Path) -> None:
    assert outputs(tmp_path, f"output found string = {expression}\n") == {"found": value}


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("output x string = padLeft('A', 2)\n", "the function padLeft is not known here"),
        ("output x string = map([1], i => i)\n", "not known here"),
        ("output x string = 'a\\${b}'\n", "an escape that the grammar leaves out"),
        ("output x int = 1 - 2\n", "- is not known here"),
        ("output x string = missing\n", "nothing is called missing"),
        ("var a = { b: 1 }\noutput x int = a.c\n", "there is no c"),
        ("var a = [1]\noutput x int = a[1]\n", "has no 1"),
        ("param a int\n", "parameter a is missing"),
        ("param a int = 'x'\n", "a is 'x'"),
        ("var a = {\n  b: 1\n  b: 2\n}\noutput x object = a\n", "b is there twice"),
        ("resource a 'A/b@1' = {\n}\n", "no name"),
        ("output x string = \n", "no Bicep"),
    ],
)
def test_what_is_wrong_or_not_known_is_said(source: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(Wrong, match=why.replace("(", r"\(")):
        outputs(tmp_path, source)


def test_resources_know_where_they_stand(tmp_path: Path) -> None:
    (tmp_path / "part.bicep").write_text(
        dedent(
            """\
            param name string
            resource store 'Store/accounts@2020' = {
              name: name
              properties: {
                open: false
              }

              resource shelf 'shelves' = {
                name: 'one'
              }
            }
            resource boxes 'Store/accounts/boxes@2020' = [for i in [1, 2]: if (i > 1) {
              parent: store
              name: 'box${i}'
            }]
            resource lock 'Locks/lock@2021' = {
              scope: store
              name: 'keep'
            }
            resource old 'Store/accounts@2020' existing = {
              name: 'old'
            }
            output id string = store.id
            output end string = old.properties.endpoint
            output shelf string = store::shelf.id
            """
        )
    )
    main = tmp_path / "main.bicep"
    main.write_text(
        dedent(
            """\
            targetScope = 'subscription'
            resource group 'Microsoft.Resources/resourceGroups@2024' = {
              name: 'rg'
              location: 'here'
            }
            module part 'part.bicep' = {
              scope: group
              name: 'part'
              params: { name: 'abc' }
            }
            output id string = part.outputs.id
            output end string = part.outputs.end
            output shelf string = part.outputs.shelf
            """
        )
    )
    resources, found = deployed(main, {})
    store = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Store/accounts/abc"
    assert found == {"id": store, "end": "<Store/accounts/old.endpoint>", "shelf": f"{store}/shelves/one"}
    assert [(r.type, r.name, r.owner) for r in resources[1:]] == [
        ("Store/accounts", "abc", ""),
        ("Store/accounts/shelves", "abc/one", store),
        ("Store/accounts/boxes", "abc/box2", store),
        ("Locks/lock", "keep", store),
    ]


def test_parameters_come_from_their_file_and_the_environment(tmp_path: Path) -> None:
    path = tmp_path / "a.bicepparam"
    path.write_text("using 'main.bicep'\n\nparam a = readEnvironmentVariable('A')\nparam b = { c: [1] }\n")
    assert parameters(path, {"A": "x"}) == (tmp_path / "main.bicep", {"a": "x", "b": {"c": [1]}})
    with pytest.raises(Refused, match="the environment has no A"):
        parameters(path, {})
