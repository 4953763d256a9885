"""Looks for bytes that break a promise: `python -m tests.fuzz`, for as long as one likes.

What is found is made small, written to a file and shown; with that file's name as argument it is
tried again.
"""

from __future__ import annotations

import hashlib
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from random import SystemRandom

import click

from tests.fuzz.targets import TARGETS, Target

FOUND = Path("var") / "fuzz"
# The same fault under many inputs is one fault.
_MOST = 3


@click.command()
@click.option("--seconds", type=float, default=60, show_default=True, help="For all targets.")
@click.option("--seed", type=int, help="The one of another run; what it tried is tried again.")
@click.option("--target", "names", multiple=True, type=click.Choice([*TARGETS]), help="Only this.")
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def main(seconds: float, seed: int | None, names: tuple[str, ...], files: tuple[Path, ...]) -> None:
    """Look for bytes that break a promise, or try those in FILES again."""
    if files:
        held = [_replay(file) for file in files]
        sys.exit(not all(held))
    seed = SystemRandom().randrange(2**32) if seed is None else seed
    chosen = names or tuple(TARGETS)
    click.echo(f"seed {seed}")
    found = [_fuzz(name, seconds / len(chosen), seed) for name in chosen]
    sys.exit(any(found))


def _replay(file: Path) -> bool:
    """Whether the bytes in a file break nothing."""
    name = file.name.partition("-")[0]
    if name not in TARGETS:
        raise click.UsageError(f"{file} names no target; call it {'|'.join(TARGETS)}-NAME")
    fault = TARGETS[name].fault(file.read_bytes())
    click.echo(f"{file}: {_told(fault) if fault else 'holds'}")
    return fault is None


def _fuzz(name: str, seconds: float, seed: int) -> int:
    """How many faults there are in what was tried."""
    target, end = TARGETS[name], time.monotonic() + seconds
    faults: dict[str, Path] = {}
    tried = 0
    for raw in target.inputs(f"{seed} {name}"):
        if time.monotonic() > end or len(faults) >= _MOST:
            break
        tried += 1
        fault = target.fault(raw)
        if fault and (place := _place(fault)) not in faults:
            faults[place] = _keep(name, _smaller(target, raw, place), fault)
    click.echo(f"{name}: {tried} inputs, {len(faults)} faults")
    return len(faults)


def _keep(name: str, raw: bytes, fault: Exception) -> Path:
    FOUND.mkdir(parents=True, exist_ok=True)
    path = FOUND / f"{name}-{hashlib.sha256(raw).hexdigest()[:12]}"
    path.write_bytes(raw)
    click.echo(f"{_told(fault)}try it again with: {sys.executable} -m tests.fuzz {path}")
    return path


def _smaller(target: Target, raw: bytes, place: str) -> bytes:
    """Bytes with the same fault, with pieces left out for as long as there is any fault."""
    end = time.monotonic() + 20
    size = max(len(raw) // 2, 1)
    while size and time.monotonic() < end:
        for fewer in _without(raw, size):
            fault = target.fault(fewer)
            if fault and _place(fault) == place:
                raw = fewer
                break
            if time.monotonic() > end:
                break
        else:
            size //= 2
    return raw


def _without(raw: bytes, size: int) -> Iterator[bytes]:
    for at in range(0, len(raw), size):
        yield raw[:at] + raw[at + size :]


def _place(fault: BaseException) -> str:
    """Where a fault was noticed: the same place is taken for the same fault."""
    *_, last = traceback.extract_tb(fault.__traceback__)
    return f"{type(fault).__name__} {last.filename}:{last.lineno}"


def _told(fault: Exception) -> str:
    return "".join(traceback.format_exception(fault))


if __name__ == "__main__":
    main()
