"""What a service manager hears, and that nobody is needed to hear it."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from relay_gateway.edge.notify import Notifier, from_environment


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as its:
        if request.param == "path":
            its.bind(str(tmp_path / "notify"))
        else:
            its.bind(b"")
        its.setblocking(False)
        yield its


def environ(manager: socket.socket, **more: str) -> dict[str, str]:
    name = manager.getsockname()
    address = name if isinstance(name, str) else "@" + name[1:].decode()
    return {"NOTIFY_SOCKET": address, **more}


def test_each_step_is_one_message(manager):
    notifier = from_environment(environ(manager))
    notifier.ready("Generation 1")
    notifier.reloading()
    notifier.alive()
    notifier.stopping()

    ready, reloading, alive, stopping = (manager.recv(4096).decode() for _ in range(4))
    assert ready == f"READY=1\nSTATUS=Generation 1\nMAINPID={os.getpid()}"
    assert re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=[1-9]\d{6,}\nSTATUS=.+", reloading)
    assert alive == "WATCHDOG=1"
    assert stopping.startswith("STOPPING=1\n")


def test_who_is_not_asked_says_nothing():
    for asked in ({}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "vsock:2:1234"}):
        with capture_logs() as logs:
            from_environment(asked).ready("Generation 1")
        assert logs == []


def test_a_manager_that_is_gone_is_no_reason_to_end(tmp_path: Path):
    with capture_logs() as logs:
        Notifier(str(tmp_path / "nobody")).ready("Generation 1")
    assert [each["event"] for each in logs] == ["notify_failed"]


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, 0.0),
        ({"WATCHDOG_USEC": "soon"}, 0.0),
        ({}, 0.0),
    ],
)
def test_a_watchdog_is_for_the_process_that_it_names(manager, asked, seconds):
    assert from_environment(environ(manager, **asked)).watchdog == seconds
