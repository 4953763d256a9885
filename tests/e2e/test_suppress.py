"""Who asked not to be sent the offer gets none from that moment on, from a gateway at work."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from relay_gateway.cli.demo import COMPANY
from tests.doubles import NextServer
from tests.e2e.station import station
from tests.e2e.test_crash import LINK, deliver

SPARING = f"{COMPANY}scope: {{suppress_file: ../acme.suppress}}\n"


async def suppress(path: Path, address: bytes) -> str:
    """What the command says of an address on its standard input."""
    its = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "relay_gateway", "person", "suppress", "acme", "-c", str(path)),
        stdin=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        _, words = await its.communicate(address + b"\n")
    assert its.returncode == 0, words
    return words.decode()


async def test_a_running_gateway_spares_a_person_at_once(tmp_path: Path):
    async with NextServer() as server, station(tmp_path, server.port) as gateway:
        gateway.company(SPARING)
        await gateway.reload()
        await deliver(gateway, 1)
        assert LINK.search(server.mails[0].raw)

        assert "generation 3" in await suppress(gateway.path, b"Person1@mail.example")
        await deliver(gateway, 1)
        assert not LINK.search(server.mails[1].raw)
