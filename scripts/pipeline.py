"""What a workflow may do in Azure, for `docs/deploy.md`: `python scripts/pipeline.py role ask /subscriptions/…` prints
the definition of a role as the Azure CLI takes it, `python scripts/pipeline.py condition` which roles a deployment may
assign. It reads `infra/roles.json` and needs only Python."""

import json
import sys
from pathlib import Path
from typing import Any

ROLES = Path(__file__).resolve().parent.parent / "infra" / "roles.json"
DATA_PLANE = {"cosmosDataContributor"}
"""Roles that Cosmos DB keeps itself; ARM's conditions don't see them."""
OF_DEPLOYMENTS = "Microsoft.Resources/deployments/"
ASK = [
    *(OF_DEPLOYMENTS + one for one in ("read", "whatIf/action", "validate/action", "operations/read")),
    OF_DEPLOYMENTS + "operationstatuses/read",
    "Microsoft.Resources/subscriptions/operationresults/read",
]
LOGS = (
    "Microsoft.OperationalInsights/workspaces/query/*",
    "Microsoft.OperationalInsights/workspaces/tables/query/*",
    "Microsoft.OperationalInsights/workspaces/search/*",
    "Microsoft.OperationalInsights/workspaces/analytics/query/*",
    "Microsoft.Insights/components/query/*",
    "Microsoft.Insights/components/api/*",
    "Microsoft.Insights/logs/*",
)
DEFINITIONS: dict[str, tuple[str, list[str], list[str]]] = {
    "ask": ("asks what a deployment would change", ASK, []),
    "read": ("reads how resources are set, and no logs", ["*/read"], list(LOGS)),
    "deploy": ("deploys templates", [*ASK, OF_DEPLOYMENTS + "write", OF_DEPLOYMENTS + "cancel/action"], []),
    "lock": (
        "sets locks, and takes none away",
        ["Microsoft.Authorization/locks/" + one for one in ("read", "write")],
        [],
    ),
}
"""What each role of ours does, its actions, and those that it has not."""


def role(name: str, scope: str) -> dict[str, Any]:
    """The definition of one of our roles, which can be assigned in `scope` (`/subscriptions/<id>`)."""
    about, actions, but = DEFINITIONS[name]
    named = {"Name": f"Automotive Cloud pipeline: {name}", "IsCustom": True, "Description": f"The pipeline {about}."}
    return named | {"Actions": actions, "NotActions": but, "AssignableScopes": [scope]}


def condition() -> str:
    """The condition on the role that assigns roles: those that the templates assign, and no other."""
    roles = json.loads(ROLES.read_text(encoding="utf-8"))
    numbers = ", ".join(sorted(number for name, number in roles.items() if name not in DATA_PLANE))
    parts = []
    for action, source in (("write", "Request"), ("delete", "Resource")):
        attribute = f"@{source}[Microsoft.Authorization/roleAssignments:RoleDefinitionId]"
        within = f"{attribute} ForAnyOfAnyValues:GuidEquals {{{numbers}}}"
        parts.append(f"((!(ActionMatches{{'Microsoft.Authorization/roleAssignments/{action}'}})) OR ({within}))")
    return " AND ".join(parts)


def main(args: list[str]) -> int:
    if args == ["condition"]:
        print(condition())
    elif len(args) == 3 and args[0] == "role" and args[1] in DEFINITIONS:
        print(json.dumps(role(args[1], args[2])))
    else:
        print(f"usage: pipeline.py condition | role {'|'.join(DEFINITIONS)} <scope>", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
