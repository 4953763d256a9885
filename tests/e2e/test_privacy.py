"""After a full run nothing at rest names anybody: no address, no name, no word of a mail.

Every file that the gateway and its commands have written, and every line of its log, is searched
for all of them in every form in which a mail or a file may write them.
"""

from __future__ import annotations

import asyncio
import base64
import json
import quopri
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import pytest
import re2

from relay_gateway.cli.demo import COMPANY
from relay_gateway.edge.journal import Journal
from tests.cli.conftest import run as cli
from tests.doubles import NextServer, Talker
from tests.e2e.station import Station
from tests.e2e.test_crash import LINK
from tests.mails import JA, mail, multipart, part
from tests.redis_server import RedisServer

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes as Linux can")

# What no rule, setting or report of ours has any reason to say.
PEOPLE = ("kaburagi.momoko", "z.wieback", "tatsunami_77", "quillfeather", "無花果")
WORDS = ("鏑木", "桃子", "Quillfeather", "アルマジロ事業部", "zwieback-tester", "珊瑚礁")
SENDER = "saiyo.usui"
SECRETS = (*PEOPLE, *WORDS, SENDER, "gmail.example", "mozuku-mail")

LETTER = (
    JA.replace("佐藤 太郎", "鏑木 桃子")
    .replace("佐藤様", "鏑木様")
    .replace("求人に", "アルマジロ事業部の珊瑚礁調査員、zwieback-testerの求人に")
)
CRLF = LETTER.replace("\n", "\r\n").encode()
HTML = "".join(f"<p>{each}</p>\n" for each in LETTER.strip().split("\n\n"))
REFUTED = (
    "<form>鏑木 桃子 様<p>珊瑚礁へのご応募ありがとうございました。誠に残念ながら今回は採用を"
    "見送らせていただくこととなりました。<form>アルマジロ事業部\n"
)


def subject(words: str) -> str:
    return f"=?utf-8?b?{base64.b64encode(words.encode()).decode()}?="


def letter(number: int, entity: bytes, to: str) -> bytes:
    fields = {
        "from": f"=?iso-2022-jp?b?{_b64('鏑木', 'iso-2022-jp')}?= <{SENDER}@acme.example>",
        "to": to,
        "subject": subject("選考結果 アルマジロ事業部 珊瑚礁"),
        "message_id": f"<{number}.quillfeather@acme.example>",
    }
    return mail(entity, **fields)


def _b64(words: str, charset: str) -> str:
    return base64.b64encode(words.encode(charset)).decode()


TARO, ZOE, TATSU, QUILL = (f"{name}@gmail.example" for name in PEOPLE[:4])
LETTERS = (
    ((TARO,), letter(1, part(LETTER, charset="iso-2022-jp"), TARO)),
    (
        (ZOE,),
        letter(
            2,
            multipart(
                "alternative",
                part(LETTER, encoding="base64"),
                part(HTML, "text/html", encoding="quoted-printable"),
            ),
            ZOE,
        ),
    ),
    ((TATSU,), letter(3, part(REFUTED, "text/html"), TATSU)),
    ((TARO, ZOE, QUILL), letter(4, part(LETTER), f"{SENDER}@acme.example")),
    ((QUILL,), letter(5, part("Dear Quillfeather,\n\nthe zwieback-tester is here.\n"), QUILL)),
    ((QUILL,), letter(6, b"Content-Type: multipart/mixed\r\n\r\n" + CRLF, QUILL)),
    ((TATSU, QUILL), letter(7, part(LETTER), TATSU)),
)


def forms(secret: str) -> Iterator[bytes]:
    """How mails, files and logs may write it."""
    for text in {secret, secret.lower(), secret.upper(), secret.title()}:
        for charset in ("utf-8", "utf-16-le", "utf-16-be", "iso-2022-jp", "cp932", "euc-jp"):
            with suppress(UnicodeEncodeError):
                data = text.encode(charset)
                # The shift sequences may be further away.
                data = data.removeprefix(b"\x1b$B").removesuffix(b"\x1b(B")
                yield data
                yield from _in_base64(data)
                yield data.hex().encode()
                yield data.hex().upper().encode()
                yield quopri.encodestring(data).replace(b"=\n", b"").strip()
        yield json.dumps(text).strip('"').encode()
        yield json.dumps(text).strip('"').upper().replace("\\U", "\\u").encode()
        yield quote(text).encode()


def _in_base64(data: bytes) -> Iterator[bytes]:
    """Wherever it begins in what was encoded, less the signs that its neighbours change."""
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + data)
        first = (0, 2, 3)[before]
        last = len(encoded) - (0, 3, 2)[(before + len(data)) % 3]
        if last - first >= 5:
            yield encoded[first:last]


FORMS = {secret: tuple(dict.fromkeys(forms(secret))) for secret in SECRETS}
# All of them at once: they are many, and what is searched is large.
OCTETS = re2.Options()
OCTETS.encoding = re2.Options.Encoding.LATIN1
OCTETS.max_mem = 2**28
ANY = re2.compile(b"|".join(re2.escape(one) for its in FORMS.values() for one in its), OCTETS)


def named(data: bytes) -> list[str]:
    """Which secrets stand in it, in whatever form."""
    # An encoding may fold its lines anywhere.
    both = [each for each in (data, re.sub(rb"=?\r?\n", b"", data)) if ANY.search(each)]
    return [
        secret for secret, its in FORMS.items() if any(one in each for one in its for each in both)
    ]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("charset", ["utf-8", "utf-16", "iso-2022-jp", "cp932"])
@pytest.mark.parametrize("encoding", ["8bit", "base64", "quoted-printable"])
def test_the_search_finds_them_in_any_mail(secret: str, charset: str, encoding: str):
    data = part(f"xx {secret}、yy\n".encode(charset), charset=charset, encoding=encoding)
    assert secret in named(data)


async def send(port: int, recipients: Sequence[str], raw: bytes) -> bytes:
    """The reply to the mail; each recipient is named, whether refused or not."""
    talker = await Talker.at(port)
    await talker.hear()
    await talker.ask(b"EHLO mozuku-mail.acme.example")
    size = b" BODY=8BITMIME SIZE=%d" % len(raw)
    await talker.ask(f"MAIL FROM:<{SENDER}@acme.example>".encode() + size)
    for each in recipients:
        await talker.ask(f"RCPT TO:<{each}> ORCPT=rfc822;{each}".encode())
    await talker.ask(b"DATA")
    said = await talker.ask(raw + b".")
    await talker.close()
    return said


async def ramble(port: int) -> None:
    """A client that breaks the protocol in all ways that name somebody, and goes."""
    talker = await Talker.at(port)
    await talker.hear()
    lines = (
        f"HELO {TARO}",
        f"VRFY {TARO}",
        f"RCPT TO:<{TARO}>",
        f"MAIL FROM:<{SENDER}@acme.example> TARO={TARO}",
        f"MAIL FROM:<{SENDER}@acme.example",
        f"MAIL FROM:<{SENDER}@acme.example>",
        f"RCPT TO:<無花果@gmail.example> {TARO}",
        f"{TARO}",
        "AUTH PLAIN " + _b64(f"\0{TARO}\0Quillfeather", "utf-8"),
        f"XFORWARD NAME={TARO} HELO=zwieback-tester",
    )
    for line in lines:
        await talker.ask(line.encode())
    await talker.close()


async def torn(port: int, raw: bytes) -> Talker:
    """A client in the middle of a mail that is too large for memory."""
    talker = await Talker.at(port)
    await talker.hear()
    await talker.ask(b"EHLO mozuku-mail.acme.example")
    await talker.ask(f"MAIL FROM:<{SENDER}@acme.example> BODY=8BITMIME".encode())
    await talker.ask(f"RCPT TO:<{TARO}>".encode())
    await talker.ask(b"DATA")
    await talker.say(raw + raw * 40)
    return talker


REPORTS = (
    ("credits", "acme"),
    ("credits", "acme", "--json"),
    *(("statement", "acme", "--month", "2026-11", form) for form in ("--text", "--csv", "--html")),
    ("ledger", "export"),
    ("ledger", "check", "--verify"),
    ("person", "export", "acme"),
    ("person", "suppress", "acme"),
)


async def reported(its: Station, folder: Path) -> None:
    """All that the commands print, kept in files."""
    for number, words in enumerate((*REPORTS, ("ledger", "backup", folder / "backup.sqlite3"))):
        told = await asyncio.to_thread(cli, *words, "-c", its.path, stdin=f"{TARO}\n")
        assert told.exit_code == 0, (words, told.stderr)
        (folder / f"report{number}").write_bytes(told.stdout_bytes + told.stderr_bytes)


REFUSED = (
    b"550 5.1.1 <" + TATSU.encode() + b">: no such person, nor (Tatsunami_77), try Quillfeather\r\n"
)
SETTINGS = """\
reproducers: ../kept
spool: ../spool
pid_file: ../gateway.pid
limits: {spool_size: 2000}
timeouts: {think: 60}
log: {level: debug}
workers: 2
"""


async def run(its: Station, server: NextServer) -> None:
    """Letters of all kinds, a next hop that names people, and a kill in the middle of a mail."""
    server.replies["DOT"] = b"250 2.0.0 Quillfeather: taken for " + TARO.encode() + b"\r\n"
    for recipients, raw in LETTERS:
        assert (await send(its.port, recipients, raw)).startswith(b"250")
    await its.said("reproducer")
    server.replies["RCPT"] = REFUSED
    assert not (await send(its.port, (TATSU,), LETTERS[0][1])).startswith(b"250")
    server.replies["RCPT"] = b"250 2.1.5 fine\r\n"
    server.replies["DOT"] = b"451 4.2.0 " + ZOE.encode() + b" is away: z.wieback, Quillfeather\r\n"
    assert (await send(its.port, (ZOE,), LETTERS[1][1])).startswith(b"451")
    del server.replies["DOT"]
    await ramble(its.port)
    talker = await torn(its.port, LETTERS[0][1])
    words = its.words
    await its.kill()
    await talker.close()
    await its.start()
    its.words[:0] = words


def at_rest(folder: Path, its: Station) -> dict[str, bytes]:
    """Every byte that lies there, by file, and what was logged."""
    (folder / "log").write_text("".join(its.words), "utf-8")
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def assert_names_nobody(found: dict[str, bytes]) -> None:
    assert {name: its for name, data in found.items() if (its := named(data))} == {}
    assert {name for name in found if named(name.encode())} == set()


async def begun(folder: Path, server: NextServer, book: str) -> Station:
    (folder / "config").mkdir()
    (folder / "spool").mkdir()
    its = Station(folder / "config", server.port, settings=SETTINGS, book=book)
    its.company(COMPANY + "scope: {suppress_file: ../acme.suppress}\n")
    await its.start()
    return its


async def test_a_run_on_sqlite_names_nobody(tmp_path: Path):
    async with NextServer() as server:
        its = await begun(tmp_path, server, "sqlite:../ledger.sqlite3")
        try:
            await run(its, server)
            # While the write-ahead log is there, and once more when all is closed.
            assert (tmp_path / "ledger.sqlite3-wal").stat().st_size
            assert_names_nobody(at_rest(tmp_path, its))
            await reported(its, tmp_path)
        finally:
            await its.kill()
        found = at_rest(tmp_path, its)
        written = {"ledger.sqlite3", "config/acme.suppress", "log", "report5", "backup.sqlite3"}
        assert written <= set(found)
        assert any(name.startswith("kept/") for name in found)
        assert b'"rejection"' in found["log"]
        assert_names_nobody(found)
        # All of it was there to be told.
        assert sum(bool(LINK.search(mail.raw)) for mail in server.mails) >= 4
        assert {*named(b"".join(mail.raw for mail in server.mails))} >= set(WORDS)


@pytest.mark.chaos
async def test_a_run_on_redis_names_nobody_nor_does_the_journal_while_it_is_away(tmp_path: Path):
    redis = RedisServer(tmp_path / "redis").start()
    book = f"{{url: 'redis://127.0.0.1:{redis.port}/0', journal: ../journal.sqlite3}}"
    async with NextServer() as server:
        its = await begun(tmp_path, server, book)
        try:
            await run(its, server)
            await reported(its, tmp_path)
            redis.pause()
            assert (await send(its.port, (QUILL,), letter(9, part(LETTER), QUILL)))[:3] == b"250"
            journal = Journal(tmp_path / "journal.sqlite3", only_reads=True)
            assert await asyncio.wait_for(journal.waiting(), 60)
            found = at_rest(tmp_path, its)
        finally:
            redis.go_on()
            await its.kill()
            redis.stop()
        assert any("appendonly" in name and b"accepted" in data for name, data in found.items())
        assert_names_nobody(found)
        assert_names_nobody(at_rest(tmp_path, its))
