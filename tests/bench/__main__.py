"""`make bench`: every figure with its goal, printed and written to .local/bench.json."""

import asyncio
import json
import sys
from dataclasses import asdict

from local.cloud import ROOT
from tests.bench.checking import checking
from tests.bench.flood import flood
from tests.bench.parsing import cold_start, parsing
from tests.bench.road import road
from tests.bench.taking_in import calls, folding, memory
from tests.bench.telling import telling
from tests.bench.watching import watching

OUT = ROOT / ".local" / "bench.json"


def main() -> int:
    figures = [*parsing(), *cold_start(), *calls(), *folding(), *memory()]
    for measured in (flood, checking, telling, watching, road):
        figures += asyncio.run(measured())
    for figure in figures:
        goal = "" if figure.goal is None else f"goal {figure.goal:g}: {'holds' if figure.holds else 'FAILS'}"
        print(f"{figure.name:32} {figure.value:>10g} {figure.unit:18} {goal}")
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps({f.name: asdict(f) | {"holds": f.holds} for f in figures}, indent=2) + "\n")
    return 0 if all(figure.holds for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
