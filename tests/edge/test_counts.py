"""What several processes count is one number, and none of them waits for another."""

from __future__ import annotations

import asyncio
import fcntl
import multiprocessing
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from relay_gateway.edge.counts import Counts


def count(path: Path, times: int, together) -> None:
    """What a worker does, at the same time as the others."""
    together.wait(60)

    async def run() -> None:
        counts = Counts(path)
        for _ in range(times):
            counts.add("acme", "rejection")
            await counts.totals()
        await counts.stop()

    asyncio.run(run())


async def test_nothing_is_lost_or_doubled_between_processes(tmp_path):
    path = tmp_path / "metrics.json"
    processes = multiprocessing.get_context("spawn")
    told = (path, 300, processes.Barrier(3))
    others = [processes.Process(target=count, args=told) for _ in range(3)]
    for other in others:
        other.start()
    mine = Counts(path)
    mine.add("acme", "veto")
    for other in others:
        await asyncio.to_thread(other.join, 60)
    assert await mine.totals() == {("acme", "rejection"): 900, ("acme", "veto"): 1}
    await mine.stop()
    # A gateway that starts again goes on counting.
    assert (await Counts(path).totals())["acme", "veto"] == 1


async def test_what_is_counted_is_written_without_being_asked_for(tmp_path):
    mine, other = Counts(tmp_path / "metrics.json"), Counts(tmp_path / "metrics.json")
    mine.add("acme", "veto")
    async with asyncio.timeout(30):
        while not await other.totals():
            pass
    await mine.stop()
    assert await other.totals() == {("acme", "veto"): 1}


@pytest.mark.parametrize("left", [b"", b"[", b"{}" * 100, b'[["a", 1]]', b"null", b"\xff" * 99])
async def test_a_file_that_makes_no_sense_is_begun_anew(left, tmp_path):
    path = tmp_path / "metrics.json"
    path.write_bytes(left)
    counts = Counts(path)
    for _ in range(2):
        counts.add("acme", "veto")
        await counts.totals()
    assert await counts.totals() == {("acme", "veto"): 2}
    await counts.stop()


async def test_while_the_file_is_held_or_cannot_be_written_nothing_is_lost(tmp_path):
    path = tmp_path / "metrics.json"
    counts = Counts(path)
    with capture_logs() as logs:
        with path.open("wb") as other:
            fcntl.flock(other, fcntl.LOCK_EX)
            counts.add("acme", "veto")
            assert await counts.totals() == {("acme", "veto"): 1}
        path.unlink()
        path.mkdir()
        counts.add("acme", "veto")
        assert await counts.totals() == {("acme", "veto"): 2}
        path.rmdir()
        assert await counts.totals() == {("acme", "veto"): 2}
    await counts.stop()
    assert await Counts(path).totals() == {("acme", "veto"): 2}
    # Once, not at every mail.
    assert [entry["event"] for entry in logs] == ["metrics_failed"]
    assert "writable" in logs[0]["how"]
