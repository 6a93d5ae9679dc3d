"""HTTP: everything that is not served, as a problem like any other."""

import azure.functions as func

from functions.http import ROUTES, problem, problems
from shared.errors import NotAllowed, NotFound

bp = func.Blueprint()

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"]


@bp.route("api/{*path}", methods=METHODS, auth_level=func.AuthLevel.ANONYMOUS)
@problems
async def no_such_route(req: func.HttpRequest) -> func.HttpResponse:
    """404, or 405 with the methods that the resource has."""
    path = (req.route_params.get("path") or "").strip("/")
    allowed = sorted({route.method for route in ROUTES if _matches(route.template, path)})
    if allowed:
        return problem(NotAllowed(f"{req.method} is not served here"), {"Allow": ", ".join(allowed)})
    raise NotFound("no such resource")


def _matches(template: str, path: str) -> bool:
    """Segment by segment, as the host does: a name in braces stands for one that is not empty."""
    wanted, asked = template.lower().split("/"), path.lower().split("/")
    pairs = zip(wanted, asked, strict=False)
    return len(wanted) == len(asked) and all(a if w.startswith("{") else w == a for w, a in pairs)
