"""A real Postfix in a folder of its own: started by a test, listened to, and stopped."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_PATH = f"/usr/sbin:/usr/local/sbin:{os.environ.get('PATH', '')}"
_WITHIN = 60
# What only an accident leaves running ends by itself.
_LONGEST_LIFE = 120

_MAIN = {
    "compatibility_level": "2",
    "maillog_file": "/dev/stdout",
    "myhostname": "mail.acme.example",
    "mynetworks": "127.0.0.0/8",
    "inet_interfaces": "127.0.0.1",
    "inet_protocols": "ipv4",
    "mydestination": "",
    "alias_maps": "",
    # It writes nothing of its own into a mail's header, and no mails to its postmaster.
    "local_header_rewrite_clients": "",
    "notify_classes": "",
    # No name is looked up anywhere.
    "smtp_dns_support_level": "disabled",
    "smtpd_peername_lookup": "no",
    "queue_run_delay": "1s",
    "minimal_backoff_time": "1s",
}
_QUEUE = (
    "active bounce corrupt defer deferred flush hold incoming maildrop private public saved trace"
)
# Without chroot: the folder holds none of the files that a chroot needs.
_MASTER = """\
cleanup unix n - n - 0 cleanup
qmgr unix n - n 1 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""


def lacking() -> str:
    """Why there can be no Postfix here, and what to do; nothing if there can be one."""
    if not shutil.which("postfix", path=_PATH):
        return (
            "Postfix is missing; install it with: apt-get install --no-install-recommends postfix"
        )
    if os.geteuid() != 0:
        return "Postfix changes its user, which only root may; run the tests as root"
    return ""


@dataclass
class Postfix:
    """One mail system; `main` are settings of main.cf, `doors` the options of an smtpd by port.

    Use it as `async with Postfix(main, doors) as postfix`.
    """

    main: Mapping[str, str]
    doors: Mapping[int, Mapping[str, str]]
    lines: list[str] = field(default_factory=list)

    async def __aenter__(self) -> Postfix:
        self._news = asyncio.Condition()
        # Not pytest's folder: there another user may not look for his own.
        self.folder = Path(tempfile.mkdtemp(prefix="relay_gateway-postfix-"))
        self._lay_out()
        self._master = await asyncio.create_subprocess_exec(
            f"{await _daemons()}/master",
            *("-c", str(self.folder / "etc"), "-s", "-e", str(_LONGEST_LIFE)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            # Told to stop, master stops its whole process group.
            start_new_session=True,
        )
        self._listening = asyncio.create_task(self._listen())
        await self.logged("daemon started")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._master.returncode is None:
            self._master.terminate()
        async with asyncio.timeout(_WITHIN):
            await self._listening
            await self._master.wait()
        shutil.rmtree(self.folder)

    async def logged(self, words: str, after: str = "") -> str:
        """Wait for a line of the log that holds these words and comes after that one."""
        found: list[str] = []
        since = self.lines.index(after) + 1 if after else 0

        def is_found() -> bool:
            found[:] = [line for line in self.lines[since:] if words in line]
            return bool(found) or self._listening.done()

        async with asyncio.timeout(_WITHIN), self._news:
            await self._news.wait_for(is_found)
        assert found, "\n".join(self.lines)
        return found[0]

    async def emptied(self, mails: int) -> None:
        """Wait until so many mails have left the queue, and see that none is in it."""
        async with asyncio.timeout(_WITHIN), self._news:
            await self._news.wait_for(lambda: self._count(": removed") >= mails)
        assert self._count(": removed") == mails
        assert self.queued == []

    @property
    def queued(self) -> list[Path]:
        """The mails that are here."""
        queues = ("maildrop", "incoming", "active", "deferred", "hold", "corrupt")
        folders = (self.folder / "queue" / name for name in queues)
        return [path for each in folders for path in each.rglob("*") if path.is_file()]

    def _count(self, words: str) -> int:
        return sum(words in line for line in self.lines)

    def _lay_out(self) -> None:
        etc, queue, data = (self.folder / name for name in ("etc", "queue", "data"))
        self.folder.chmod(0o755)
        for folder in (etc, queue, queue / "pid", data):
            folder.mkdir()
        for name in _QUEUE.split():
            (queue / name).mkdir()
            shutil.chown(queue / name, "postfix")
        shutil.chown(data, "postfix")
        own = {"queue_directory": str(queue), "data_directory": str(data)}
        lines = [f"{key} = {value}\n" for key, value in (_MAIN | own | self.main).items()]
        (etc / "main.cf").write_text("".join(lines), "utf-8")
        doors = "".join(_door(*pair) for pair in self.doors.items())
        (etc / "master.cf").write_text(_MASTER + doors, "utf-8")

    async def _listen(self) -> None:
        stdout = self._master.stdout
        assert stdout is not None
        async for line in stdout:
            async with self._news:
                self.lines.append(line.decode("utf-8", "replace").rstrip())
                self._news.notify_all()
        async with self._news:
            self._news.notify_all()


def _door(port: int, options: Mapping[str, str]) -> str:
    said = "".join(f" -o {{ {key} = {value} }}" for key, value in options.items())
    return f"127.0.0.1:{port} inet n - n - - smtpd{said}\n"


async def _daemons() -> str:
    asked = await asyncio.create_subprocess_exec(
        *(shutil.which("postconf", path=_PATH) or "postconf", "-d", "-h", "daemon_directory"),
        stdout=asyncio.subprocess.PIPE,
    )
    answer, _ = await asked.communicate()
    return answer.decode().strip()
