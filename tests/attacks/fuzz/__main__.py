"""`python -m tests.attacks.fuzz --seed 1 --inputs 1000`: one process's share, its findings as JSON. A finding names its
seed and its input; `--only` runs that input after those before it in its block, and prints what was sent."""

import argparse
import asyncio
import json
import sys

import function_app
from tests.attacks.fuzz.run import BLOCK, Run


async def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--inputs", type=int, default=1_000)
    parser.add_argument("--only", type=int, help="one input, after those before it in its block")
    asked = parser.parse_args()
    assert function_app.app is not None
    run = Run(asked.seed)
    if asked.only is not None:
        await run.block(asked.only // BLOCK, asked.only % BLOCK + 1, asked.only)
    else:
        for start in range(0, asked.inputs, BLOCK):
            await run.block(start // BLOCK, min(BLOCK, asked.inputs - start))
    print(json.dumps({"seen": run.seen, "asked": run.asked, "findings": run.findings}))
    return 1 if run.findings else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
