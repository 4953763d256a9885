"""How a gateway starts, is told, is hurt and ends: as processes, with nobody's mail lost."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import socket
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from relay_gateway.cli.demo import COMPANY
from relay_gateway.core.account import state
from relay_gateway.core.credit import Kind, Terms
from tests.certificates import authority
from tests.doubles import NextServer, Talker
from tests.e2e.station import Station, children, family, gone, station
from tests.e2e.test_crash import deliver, submit
from tests.ports import reserve
from tests.test_gateway import REJECTION

LINK = re.compile(rb"https://careerrelay\.jp/c/acme/(\w{24})")
MONITOR = COMPANY.replace("mode: live", "mode: monitor")

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes as Linux can")


async def client(port: int) -> Talker:
    """A client that has introduced itself."""
    talker = await Talker.at(port)
    assert (await talker.hear()).startswith(b"220")
    assert (await talker.ask(b"EHLO mail.acme.example")).startswith(b"250")
    return talker


async def in_data(port: int) -> Talker:
    """A client in the middle of a mail."""
    talker = await client(port)
    assert (await talker.ask(b"MAIL FROM:<saiyo@acme.example> BODY=8BITMIME")).startswith(b"250")
    assert (await talker.ask(b"RCPT TO:<old@mail.example>")).startswith(b"250")
    assert (await talker.ask(b"DATA")).startswith(b"354")
    await talker.say(REJECTION[:200])
    return talker


async def finish(talker: Talker) -> bytes:
    """The reply to the mail that was begun."""
    await talker.say(REJECTION[200:] + b".\r\n")
    return await talker.hear()


async def refused(port: int) -> None:
    """Wait until nobody listens there."""
    async with asyncio.timeout(60):
        while True:
            try:
                talker = await Talker.at(port)
            except ConnectionRefusedError:
                return
            except ConnectionResetError:  # it was closed while we stood in its queue
                continue
            await talker.close()


async def people(gateway: Station) -> int:
    events = await gateway.events()
    referrals = {event.referral for event in events if event.referral}
    assert sum(event.kind is Kind.ACCEPTED for event in events) == len(referrals)
    return state(events, Terms()).people


# Stop


async def test_told_to_stop_it_bids_idle_clients_farewell_and_finishes_mails(tmp_path: Path):
    async with (
        NextServer() as server,
        station(tmp_path, server.port, settings="workers: 2") as gateway,
    ):
        idle, busy = await client(gateway.port), await in_data(gateway.port)
        gateway.tell(signal.SIGTERM)

        assert (await idle.hear()).startswith(b"421")
        await refused(gateway.port)
        assert (await finish(busy)).startswith(b"250")
        assert (await busy.hear()).startswith(b"421")
        assert await gateway.kill(signal.SIGCONT) == 0
        assert len(server.mails) == 1
        await idle.close()
        await busy.close()


async def test_ctrl_c_reaches_all_processes_and_still_finishes_mails(tmp_path: Path):
    async with NextServer() as server, station(tmp_path, server.port) as gateway:
        busy = await in_data(gateway.port)
        for its in (signal.SIGINT, signal.SIGHUP):
            os.killpg(gateway.process.pid, its)
        assert (await finish(busy)).startswith(b"250")
        assert await gateway.kill(signal.SIGCONT) == 0
        assert LINK.search(server.mails[0].raw)
        await busy.close()


async def test_told_twice_it_ends_at_once(tmp_path: Path):
    async with NextServer() as server, station(tmp_path, server.port) as gateway:
        busy = await in_data(gateway.port)
        gateway.tell(signal.SIGTERM)
        await gateway._until(lambda line: line.startswith("Stopping"))

        assert await gateway.kill(signal.SIGTERM) == 1
        assert await busy.hear() == b""
        await busy.close()


# Crash


async def test_a_killed_supervisor_leaves_no_process_and_a_free_port(tmp_path: Path):
    async with (
        NextServer() as server,
        station(tmp_path, server.port, settings="workers: 2") as gateway,
    ):
        busy = await in_data(gateway.port)
        everybody = family(gateway.process.pid)
        # The supervisor, two workers and their nurseries; thinkers as far as they are born.
        assert len(everybody) >= 1 + 2 * (1 + 1)
        # Also one that cannot notice that nobody is there any more.
        os.kill(gateway.workers[0], signal.SIGSTOP)
        await gateway.kill()
        for each in everybody:
            await gone(each)
        await busy.close()
        port = gateway.port
        await gateway.start()

        assert gateway.port == port
        assert await deliver(gateway, 1) == 1


async def test_a_killed_worker_is_replaced_and_no_mail_is_lost(tmp_path: Path):
    async with NextServer() as server, station(tmp_path, server.port) as gateway:
        busy = await in_data(gateway.port)
        (worker,) = gateway.workers
        os.kill(worker, signal.SIGKILL)
        died = await gateway.said("worker_died")

        assert died["pid"] == worker
        assert died["end"] == "killed by SIGKILL"
        assert await deliver(gateway, 1) == 1
        assert worker not in gateway.workers
        assert len(server.mails) == await people(gateway) == 1
        await busy.close()


async def test_a_worker_without_its_nursery_makes_room_for_another(tmp_path: Path):
    async with NextServer() as server, station(tmp_path, server.port) as gateway:
        (worker,) = gateway.workers
        os.kill(children(worker)[0], signal.SIGKILL)
        await gateway.said("worker_died")

        assert await deliver(gateway, 1) == 1
        assert LINK.search(server.mails[0].raw)


async def test_a_worker_that_dies_disturbs_no_other(tmp_path: Path):
    async with (
        NextServer() as server,
        station(tmp_path, server.port, settings="workers: 2") as gateway,
    ):
        # Nobody but the other one can take the client.
        first, second = gateway.workers
        os.kill(first, signal.SIGSTOP)
        busy = await in_data(gateway.port)
        os.kill(first, signal.SIGKILL)
        await gateway.said("worker_died")

        assert (await finish(busy)).startswith(b"250")
        assert second in gateway.workers
        await busy.close()


async def test_a_stuck_worker_is_replaced(tmp_path: Path, manager: Manager):
    manager.environ["WATCHDOG_USEC"] = "4000000"
    async with (
        NextServer() as server,
        station(tmp_path, server.port, environ=manager.environ) as gateway,
    ):
        (worker,) = gateway.workers
        os.kill(worker, signal.SIGSTOP)
        stuck = await gateway.said("worker_stuck")

        assert stuck["pid"] == worker
        await gateway.said("worker_died")
        assert await deliver(gateway, 1) == 1
        assert await manager.hears("WATCHDOG=1")


# Reload


async def test_a_reload_changes_what_new_clients_meet_and_no_mail_under_way(tmp_path: Path):
    async with NextServer() as server, station(tmp_path, server.port) as gateway:
        busy = await in_data(gateway.port)
        gateway.company(MONITOR)
        status, words = await gateway.ask("reload")

        assert (status, "(generation 2)" in words) == (0, True)
        new = await in_data(gateway.port)
        assert (await finish(new)).startswith(b"250")
        assert (await finish(busy)).startswith(b"250")
        assert [bool(LINK.search(mail.raw)) for mail in server.mails] == [False, True]
        assert await people(gateway) == 1
        await new.close()
        await busy.close()


async def test_the_old_generation_ends_when_its_clients_have_gone(tmp_path: Path):
    async with NextServer() as server, station(tmp_path, server.port) as gateway:
        (old,) = gateway.workers
        idle = await client(gateway.port)
        await gateway.reload()

        assert (await idle.ask(b"NOOP")).startswith(b"250")
        assert (await idle.ask(b"QUIT")).startswith(b"221")
        await gone(old)
        await idle.close()


async def test_clients_of_the_old_generation_have_to_go_in_the_end(tmp_path: Path):
    # Whoever did not wait for the mail would cut it at once.
    settings = "timeouts: {client_command: 1, stop: 0.001}\nlimits: {commands: 1000000}"
    async with (
        NextServer() as server,
        station(tmp_path, server.port, settings=settings) as gateway,
    ):
        busy, restless = await in_data(gateway.port), await client(gateway.port)
        gateway.tell(signal.SIGHUP)
        while (said := await restless.ask(b"NOOP")).startswith(b"250"):
            pass

        assert said.startswith(b"421 4.3.2")
        assert (await finish(busy)).startswith(b"250")
        assert (await busy.hear()).startswith(b"421 4.3.2")
        assert (await gateway.said("reloaded"))["generation"] == 2
        await restless.close()
        await busy.close()


async def test_several_reloads_in_a_row_are_as_many_generations(tmp_path: Path):
    async with NextServer() as server, station(tmp_path, server.port) as gateway:
        clients = []
        for generation in (2, 3, 4):
            clients.append(await in_data(gateway.port))
            assert await gateway.reload() == generation
        for busy in clients:
            assert (await finish(busy)).startswith(b"250")
            await busy.close()

        assert len(server.mails) == 3
        assert await gateway.kill(signal.SIGTERM) == 0


async def test_a_reload_is_told_once_nobody_can_meet_the_settings_before(tmp_path: Path):
    async with NextServer() as server, station(tmp_path, server.port) as gateway:
        (old,) = gateway.workers
        os.kill(old, signal.SIGSTOP)
        gateway.tell(signal.SIGHUP)
        # Only a new worker can have taken it.
        assert await deliver(gateway, 1) == 1
        assert not any('"reloaded"' in line for line in gateway.words)

        os.kill(old, signal.SIGCONT)
        assert (await gateway.said("reloaded"))["generation"] == 2


async def test_a_renewed_certificate_is_shown_after_a_reload(tmp_path: Path):
    shown = tmp_path / "relay.pem"
    ours = authority()
    shown.write_bytes(b"".join(each.read_bytes() for each in ours.issue("old.acme.example")))
    tls = "tls: {certificate: relay.pem, implicit: true}"
    async with NextServer() as server, station(tmp_path, server.port, listen=tls) as gateway:
        assert await name_shown(gateway.port) == "old.acme.example"
        shown.write_bytes(b"".join(each.read_bytes() for each in ours.issue("new.acme.example")))
        await gateway.reload()
        assert await name_shown(gateway.port) == "new.acme.example"


async def name_shown(port: int) -> str:
    """The name in the certificate of who listens there."""
    context = authority().client()
    context.check_hostname = False
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    await reader.readline()
    found = writer.get_extra_info("peercert")["subjectAltName"]
    writer.transport.abort()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    return found[0][1]


async def test_a_reload_may_add_and_drop_addresses(tmp_path: Path):
    async with NextServer() as server, station(tmp_path, server.port) as gateway:
        first = gateway.port
        busy = await in_data(first)
        gateway.port = reserve(gateway)
        gateway.configure()
        await gateway.reload()

        assert await deliver(gateway, 1) == 1
        await refused(first)
        assert (await finish(busy)).startswith(b"250")
        await busy.close()


async def test_bad_settings_are_told_where_they_stand_and_change_nothing(tmp_path: Path):
    async with NextServer() as server, station(tmp_path, server.port) as gateway:
        before = gateway.workers
        gateway.company(COMPANY.replace("mode: live", "mode: loud"))
        gateway.tell(signal.SIGHUP)
        failed = await gateway.said("reload_failed")
        status, words = await gateway.ask("reload")

        (fault,) = failed["faults"]
        assert re.search(r"acme\.yaml:3:7: ", fault)
        assert status == 78
        assert "acme.yaml:3:7: " in words
        assert gateway.workers == before
        assert await deliver(gateway, 1) == 1
        assert LINK.search(server.mails[0].raw)


async def test_an_address_that_cannot_be_had_changes_nothing(tmp_path: Path):
    async with NextServer() as server, station(tmp_path, server.port) as gateway:
        before, port = gateway.workers, gateway.port
        with socket.create_server(("127.0.0.1", 0)) as other:
            gateway.port = other.getsockname()[1]
            gateway.configure()
            status, words = await gateway.ask("reload")

        assert status == 75
        assert f"127.0.0.1:{gateway.port} is in use" in words
        assert gateway.workers == before
        gateway.port = port
        assert await deliver(gateway, 1) == 1


async def test_workers_that_cannot_begin_change_nothing(tmp_path: Path):
    async with NextServer() as server, station(tmp_path, server.port) as gateway:
        before = gateway.workers
        good = gateway.path.read_text()
        gateway.path.write_text(good.replace("sqlite:ledger.sqlite3", "sqlite:companies"))
        gateway.path.write_text(gateway.path.read_text() + "pid_file: gateway.pid\n")
        status, words = await gateway.ask("reload")

        assert status == 75
        assert "The ledger" in words
        assert gateway.workers == before
        assert await deliver(gateway, 1) == 1


async def test_nobody_is_told_where_nobody_runs(tmp_path: Path):
    async with NextServer() as server, station(tmp_path, server.port) as gateway:
        assert await gateway.kill() == -signal.SIGKILL
        status, words = await gateway.ask("reload")

        assert status == 69
        assert "No gateway with these settings is running" in words


async def test_a_rotated_log_goes_on_in_a_new_file(tmp_path: Path):
    log = tmp_path / "gateway.log"
    async with (
        NextServer() as server,
        station(tmp_path, server.port, settings="log: {file: gateway.log}") as gateway,
    ):
        log.rename(tmp_path / "gateway.log.1")
        assert (await gateway.ask("reload"))[0] == 0
        assert await deliver(gateway, 1) == 1

        assert '"event": "reloaded"' in log.read_text()
        assert '"event": "mail"' in log.read_text()


# The service manager


class Manager:
    """What systemd hears."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(b"")
        self.socket.setblocking(False)
        name = self.socket.getsockname()
        self.environ = {"NOTIFY_SOCKET": "@" + name[1:].decode()}
        self.heard: list[str] = []

    async def hears(self, word: str) -> str:
        """The next message that begins so, or at least one that has come already."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(60):
            while not any(each.startswith(word) for each in self.heard):
                self.heard.append((await loop.sock_recv(self.socket, 4096)).decode())
        return next(each for each in self.heard if each.startswith(word))


@pytest.fixture
def manager():
    its = Manager()
    yield its
    its.socket.close()


async def test_the_service_manager_hears_each_step_in_order(tmp_path: Path, manager: Manager):
    async with (
        NextServer() as server,
        station(tmp_path, server.port, environ=manager.environ) as gateway,
    ):
        assert f"MAINPID={gateway.process.pid}" in await manager.hears("READY=1")
        gateway.tell(signal.SIGHUP)
        assert re.search(r"\nMONOTONIC_USEC=\d+\n", await manager.hears("RELOADING=1"))
        await gateway.said("reloaded")
        assert await gateway.kill(signal.SIGTERM) == 0
        await manager.hears("STOPPING=1")

    steps = [each.partition("\n")[0] for each in manager.heard]
    assert steps == ["READY=1", "RELOADING=1", "READY=1", "STOPPING=1"]


# Several workers


async def test_two_workers_share_the_mail_and_the_ledger(tmp_path: Path):
    async with (
        NextServer() as server,
        station(tmp_path, server.port, settings="workers: 2") as gateway,
    ):
        # Each in turn is the only one that can.
        workers = gateway.workers
        for number, held in enumerate(workers):
            os.kill(held, signal.SIGSTOP)
            assert await deliver(gateway, number) == 1
            os.kill(held, signal.SIGCONT)
        await asyncio.gather(*(deliver(gateway, number) for number in range(2, 30)))

        assert len(server.mails) == 30
        assert await people(gateway) == 30
        assert gateway.workers == workers


async def test_each_worker_keeps_what_leaves_where_there_is_no_next_hop(tmp_path: Path):
    its = Station(tmp_path, 0, settings="workers: 2\noutbox: outbox")
    its.configure = lambda: (
        Station.configure(its)
        or its.path.write_text(re.sub(r"next_hop: .*\n", "", its.path.read_text()))
    )
    await its.start()
    try:
        for number, held in enumerate(its.workers):
            os.kill(held, signal.SIGSTOP)
            assert await asyncio.to_thread(submit, its.port, number)
            os.kill(held, signal.SIGCONT)
    finally:
        await its.kill()

    assert len(list((tmp_path / "outbox" / "new").iterdir())) == 2


# Start


async def test_a_port_in_use_is_named_and_nothing_starts(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        its = Station(tmp_path, 1, port=other.getsockname()[1])
        its.configure()
        status, words = await its.ask("serve")

    assert status == 69
    assert f"127.0.0.1:{its.port} is in use" in words


async def test_a_ledger_that_is_none_is_named_and_nothing_starts(tmp_path: Path):
    its = Station(tmp_path, 1)
    its.configure()
    with closing(sqlite3.connect(its.ledger)) as other:
        other.execute("CREATE TABLE others (name)")
    status, words = await its.ask("serve")

    assert status == 69
    assert "it is another program's database" in words


async def test_a_pid_file_of_another_gateway_is_only_a_warning(tmp_path: Path):
    async with NextServer() as server, station(tmp_path, server.port) as gateway:
        (tmp_path / "other").mkdir()
        settings = f"pid_file: {tmp_path}/gateway.pid"
        async with station(tmp_path / "other", server.port, settings=settings) as other:
            assert "another gateway holds it" in (await other.said("pid_file_failed"))["words"]
            assert await deliver(other, 1) == 1
        assert (await gateway.ask("reload"))[0] == 0
