"""The deployment package: the same bytes twice, small enough, and all that the app needs."""

import asyncio
import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import aiohttp
import pytest

from local.cloud import ROOT, Cloud

LARGEST = 60 * 2**20
SITE = ".python_packages/lib/site-packages"
OF_THE_HOST = ("azure_functions_runtime", "azurefunctions", "croniter", "dateutil", "azure/eventhub")
"""What the local host brings itself, as the Functions host does."""
RUN = """
import asyncio, json, sys
from pathlib import Path
from local.host.host import Host
async def main():
    port = await Host(Path(sys.argv[1]), http_only=True).start("127.0.0.1", 0)
    files = sorted({getattr(module, "__file__", None) or "" for module in sys.modules.values()})
    print(json.dumps([port, files]), flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Made twice, from nothing."""
    made = [tmp_path_factory.mktemp("package") / "package.zip" for _ in range(2)]
    making = [subprocess.Popen([sys.executable, "scripts/package.py", str(path)], cwd=ROOT) for path in made]
    assert [one.wait(300) for one in making] == [0, 0]
    return made


def test_the_same_files_make_the_same_bytes_and_not_too_many(packages: list[Path]) -> None:
    one, two = (path.read_bytes() for path in packages)
    assert one == two
    assert len(one) < LARGEST


def test_it_holds_what_is_deployed_and_nothing_else(packages: list[Path]) -> None:
    names = zipfile.ZipFile(packages[0]).namelist()
    tops = {name.split("/")[0] for name in names}
    own = {"function_app.py", "host.json", "requirements.txt", "functions", "shared", "console", "infra"}
    assert tops == own | {".python_packages"}
    assert [name for name in names if name.startswith("infra/")] == ["infra/topology.json"]
    assert [name for name in names if "__pycache__" in name or name.endswith(".pyc") or "/tests/" in name] == []
    assert {"console/index.html", "console/vendor/maplibre-gl/dist/maplibre-gl.mjs"} <= set(names)
    linux = [name for name in names if name.endswith(".so")]
    assert len(linux) > 10
    assert all("cpython-313-x86_64-linux" in name or "abi3" in name for name in linux)


async def test_unpacked_it_starts_with_no_other_packages(packages: list[Path], cloud: Cloud, tmp_path: Path) -> None:
    app, beside = tmp_path / "app", tmp_path / "beside"
    zipfile.ZipFile(packages[0]).extractall(app)
    (beside / "azure").mkdir(parents=True)
    (beside / "local").symlink_to(ROOT / "local")
    for name in OF_THE_HOST:
        (beside / name).symlink_to(Path(sysconfig.get_path("purelib")) / name)
    path = os.pathsep.join(map(str, (beside, app / SITE)))
    command = [sys.executable, "-S", "-c", RUN, str(app)]
    clock = {name: os.environ[name] for name in os.environ if name.startswith(("LD_PRELOAD", "FAKETIME"))}
    env = clock | {"PATH": os.environ["PATH"], "PYTHONPATH": path} | cloud.env
    process = await asyncio.create_subprocess_exec(*command, cwd=app, env=env, stdout=subprocess.PIPE, limit=2**22)
    assert process.stdout
    try:
        port, files = json.loads(await asyncio.wait_for(process.stdout.readline(), 60))
        places = str(app), str(beside), sysconfig.get_path("stdlib")
        assert [file for file in files if file and not file.startswith(places)] == []
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as http:
            token = cloud.issuer.token("operator-1", "packaged", ["operator"])
            for name in ("api/v1/health", "api/openapi.json", "api/v1/vehicles", "console", "console/config.json"):
                async with http.get(f"/{name}", headers={"Authorization": f"Bearer {token}"}) as answer:
                    assert (name, answer.status) == (name, 200)
    finally:
        process.kill()
        await process.wait()
