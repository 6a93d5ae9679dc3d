"""The console's one build step: what it uses of npm packages, copied from node_modules into console/vendor."""

import shutil
import sys
from pathlib import Path

HERE = Path(__file__).parent
PACKAGES = HERE.parent / "node_modules"
VENDOR = HERE / "vendor"
FILES = {
    "preact": ["dist/preact.mjs", "hooks/dist/hooks.mjs", "LICENSE"],
    "htm": ["dist/htm.mjs", "preact/index.mjs", "LICENSE"],
    "maplibre-gl": ["dist/maplibre-gl.mjs", "dist/maplibre-gl-worker.mjs", "dist/maplibre-gl.css", "LICENSE.txt"],
    "uplot": ["dist/uPlot.esm.js", "dist/uPlot.min.css", "LICENSE"],
    "oauth4webapi": ["build/index.js", "LICENSE.md"],
    "topojson-client": ["src/feature.js", "src/transform.js", "src/reverse.js", "src/identity.js", "LICENSE"],
    "world-atlas": ["countries-50m.json", "LICENSE"],
}


def main() -> int:
    shutil.rmtree(VENDOR, ignore_errors=True)
    for package, names in FILES.items():
        for name in names:
            target = VENDOR / package / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(PACKAGES / package / name, target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
