"""Plants one bug after the other in a copy of the package and runs the tests that should see it.

Exit code 1 if a bug goes unseen, or if the text that it replaces is no longer there.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.mutants.table import MUTANTS, Mutant

ROOT = Path(__file__).parents[2]
PYTEST = (
    *(sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "--tb=no"),
    *("-p", "no:randomly", "-p", "no:cacheprovider", "--hypothesis-seed=0"),
)

_NOTHING = "nothing that could be run"


def workshop(home: str) -> Path:
    """A copy of all that the tests need, to be broken at will."""
    place = Path(tempfile.mkdtemp(dir=home))
    without = shutil.ignore_patterns("__pycache__", "private", "*.got.yaml", "var")
    for name in ("relay_gateway", "tests", "docs", "config"):
        shutil.copytree(ROOT / name, place / name, ignore=without)
    shutil.copy(ROOT / "pyproject.toml", place)
    return place


def passes(place: Path, tests: Iterable[str]) -> str:
    """What the tests that failed are called; nothing if all passed."""
    world = {**os.environ, "PYTHONPATH": str(place), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [*PYTEST, *(f"tests/{name}" for name in tests)],
        cwd=place,
        env=world,
        capture_output=True,
        text=True,
        check=False,
    )
    if not done.returncode:
        return ""
    rows = [row for row in done.stdout.splitlines() if row.startswith(("FAILED", "ERROR"))]
    return rows[0].partition("::")[2].partition(" - ")[0] if rows else _NOTHING


def fate(mutant: Mutant, home: str) -> tuple[Mutant, str]:
    """What became of one bug: the test that saw it, in words, or why it was not seen."""
    place = workshop(home)
    file = place / "relay_gateway" / mutant.file
    source = file.read_text("utf-8")
    if source.count(mutant.old) != 1:
        return mutant, f"ERROR: its text stands {source.count(mutant.old)} times in {mutant.file}"
    file.write_text(source.replace(mutant.old, mutant.new), "utf-8")
    seen = passes(place, mutant.tests)
    shutil.rmtree(place)
    if seen == _NOTHING:
        return mutant, f"ERROR: {seen}"
    return mutant, f"caught by {seen}" if seen else "NOT CAUGHT"


def main() -> int:
    """Print a line a bug; arguments choose those whose file or sentence holds one of them."""
    asked = [each for each in MUTANTS if _is_asked(each, sys.argv[1:])]
    tests = sorted({name for mutant in asked for name in mutant.tests})
    lost = 0
    with tempfile.TemporaryDirectory() as home:
        broken = passes(workshop(home), tests)
        if broken:
            print(f"Without any bug planted {broken} fails: mend that first.")
            return 1
        with ThreadPoolExecutor(os.cpu_count()) as crew:
            for mutant, told in crew.map(lambda each: fate(each, home), asked):
                lost += not told.startswith("caught")
                print(f"{mutant.file:19} {mutant.what}\n{'':19} {told}", flush=True)
    print(f"{len(asked) - lost} of {len(asked)} planted bugs were caught")
    return 1 if lost or not asked else 0


def _is_asked(mutant: Mutant, words: list[str]) -> bool:
    return not words or any(word in f"{mutant.file} {mutant.what}" for word in words)


if __name__ == "__main__":
    sys.exit(main())
