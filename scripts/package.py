"""The deployment package: `make package` writes package.zip, the same bytes from the same files.

It holds the function app, the console, the topology and, under .python_packages, the wheels of requirements.txt for
Python 3.13 on Linux (x86-64), as Flex Consumption wants them with its remote build off. Nothing of the local cloud, the
tests, the templates or this folder is in it."""

import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
PARTS = ("function_app.py", "host.json", "requirements.txt", "functions", "shared", "console", "infra/topology.json")
SITE = ".python_packages/lib/site-packages"
PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")
LEFT_OUT = {"__pycache__", "bin", "tests"}
"""Names of files and folders that nothing needs once it is deployed."""
AT = (1980, 1, 1, 0, 0, 0)
"""The time of every entry: the earliest that a zip can hold."""
LARGEST = 60 * 1024 * 1024
"""Bytes of a package, at most."""


def main(out: Path) -> int:
    with tempfile.TemporaryDirectory() as folder:
        install(Path(folder))
        size = write(out, {**own(), **dict(vendored(Path(folder)))})
    if size > LARGEST:
        print(f"error: {size} bytes, more than {LARGEST}", file=sys.stderr)
        return 1
    print(f"{out}: {size / 2**20:.1f} MiB")
    return 0


def install(site: Path) -> None:
    """The wheels for where it will run, whatever this machine is; a package without one is an error."""
    platforms = [part for platform in PLATFORMS for part in ("--platform", platform)]
    ways = ["--python-version", "3.13", "--implementation", "cp", "--only-binary=:all:", "--no-compile", "--quiet"]
    pip = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check"]
    subprocess.run([*pip, *platforms, *ways, "--target", str(site), "-r", str(ROOT / "requirements.txt")], check=True)


def own() -> dict[str, Path]:
    """What is ours, by its name in the package. Raises RuntimeError if the console was not built."""
    if not (ROOT / "console" / "vendor").is_dir():
        raise RuntimeError("console/vendor is missing: `make setup` makes it")
    found = dict[str, Path]()
    for part in PARTS:
        path = ROOT / part
        files = [path] if path.is_file() else [f for f in path.rglob("*") if f != ROOT / "console" / "build.py"]
        found |= {f.relative_to(ROOT).as_posix(): f for f in files if f.is_file() and _wanted(f.relative_to(ROOT))}
    return found


def vendored(site: Path) -> Iterator[tuple[str, Path]]:
    for file in site.rglob("*"):
        inside = file.relative_to(site)
        if file.is_file() and _wanted(inside) and inside.name not in ("RECORD", "INSTALLER", "REQUESTED"):
            yield f"{SITE}/{inside.as_posix()}", file


def _wanted(path: Path) -> bool:
    return not LEFT_OUT & set(path.parts) and path.suffix != ".pyc"


def write(out: Path, files: dict[str, Path]) -> int:
    """A zip of the files in the order of their names; its size in bytes."""
    out.parent.mkdir(parents=True, exist_ok=True)
    made = out.with_suffix(".part")
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, path in sorted(files.items()):
            entry = zipfile.ZipInfo(name, AT)
            entry.compress_type, entry.create_system, entry.external_attr = zipfile.ZIP_DEFLATED, 3, 0o100644 << 16
            archive.writestr(entry, path.read_bytes(), compresslevel=6)
    shutil.move(made, out)
    return out.stat().st_size


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
