"""HTTP: the console: one page, its files, and what it has to know before anybody has signed in.

The page is never cached, and names its files under a digest of them all: those are cached for ever."""

import gzip
import hashlib
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import azure.functions as func

from functions.http import answer, problems
from shared.bootstrap import world
from shared.errors import NotFound
from shared.settings import Console

bp = func.Blueprint()

FOLDER = Path(__file__).parent.parent / "console"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}
"""Of what is served; nothing else in the folder is."""
FOR_EVER = "public, max-age=31536000, immutable"
METHODS = ["GET", "HEAD"]


@dataclass(frozen=True, slots=True)
class Site:
    """Every file by its name, plain and packed, and a digest of them all."""

    files: Mapping[str, tuple[bytes, bytes]]
    digest: str

    @property
    def page(self) -> str:
        return self.files["index.html"][0].decode().replace("{files}", f"/console/{self.digest}")


@cache
def site(folder: Path = FOLDER) -> Site:
    """What is in the folder. Raises NotFound where its build step was never taken."""
    if not (folder / "vendor").is_dir():
        raise NotFound("the console was not built: `make setup` does it")
    names = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.suffix in TYPES)
    found = {name: (folder / name).read_bytes() for name in names}
    digest = hashlib.sha256()
    for name, content in found.items():
        digest.update(f"{name} {len(content)} ".encode() + content)
    files = {name: (content, gzip.compress(content, 6, mtime=0)) for name, content in found.items()}
    return Site(files, digest.hexdigest()[:16])


@bp.route("console", methods=METHODS, auth_level=func.AuthLevel.ANONYMOUS)
@problems
async def read_console(req: func.HttpRequest) -> func.HttpResponse:
    """The page."""
    page = site().page
    security = {"Content-Security-Policy": policy(page, _set_up()), "Cross-Origin-Opener-Policy": "same-origin"}
    return _served(req, page.encode(), None, TYPES[".html"], {"Cache-Control": "no-cache"} | security)


@bp.route("console/{*file}", methods=METHODS, auth_level=func.AuthLevel.ANONYMOUS)
@problems
async def read_console_file(req: func.HttpRequest) -> func.HttpResponse:
    """A file of the page, under the digest of them all; or `config.json`."""
    path = req.route_params.get("file", "")
    if path == "config.json":
        console = _set_up()
        said = {"issuer": console.issuer, "clientId": console.client_id, "scope": console.scope}
        found = answer(said | {"tiles": console.tiles})
        found.headers["Cache-Control"] = "no-cache"
        return found
    digest, _, name = path.partition("/")
    if name not in site().files or name == "index.html":
        raise NotFound("no such file")
    plain, packed = site().files[name]
    caching = FOR_EVER if digest == site().digest else "no-cache"
    return _served(req, plain, packed, TYPES[Path(name).suffix], {"Cache-Control": caching})


def policy(page: str, console: Console) -> str:
    """The page's Content-Security-Policy: its own files, the issuer for tokens, and where tiles are."""
    importmap, _, _ = page.partition('<script type="importmap">')[2].partition("</script>")
    hashed = b64encode(hashlib.sha256(importmap.encode()).digest()).decode()
    tiles = f" {_origin(console.tiles)}" if console.tiles else ""
    parts = {
        "default-src": "'none'",
        "script-src": f"'self' 'sha256-{hashed}'",
        "style-src": "'self'",
        "img-src": f"'self' data: blob:{tiles}",
        "connect-src": f"'self' {_origin(console.issuer)}{tiles}",
        "worker-src": "'self'",
        "manifest-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
    }
    return "; ".join(f"{name} {value}" for name, value in parts.items())


def _set_up() -> Console:
    console = world().console
    if console is None:
        raise NotFound("the console is not set up: CONSOLE_CLIENT_ID names no client of the token issuer")
    return console


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _served(
    req: func.HttpRequest, plain: bytes, packed: bytes | None, media_type: str, headers: dict[str, str]
) -> func.HttpResponse:
    etag = f'"{hashlib.sha256(plain).hexdigest()[:32]}"'
    headers |= {"ETag": etag}
    if etag in req.headers.get("if-none-match", ""):
        return func.HttpResponse(status_code=304, headers=headers)
    body = plain
    if packed is not None:
        headers["Vary"] = "Accept-Encoding"
        if "gzip" in re.findall(r"\w+", req.headers.get("accept-encoding", "")):
            headers["Content-Encoding"], body = "gzip", packed
    return func.HttpResponse(body, status_code=200, headers=headers | {"Content-Type": media_type})
