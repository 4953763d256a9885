"""`ledger`: what it holds, whether it is whole, and its ways from one place to another."""

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from relay_gateway.core.credit import Event, Kind
from relay_gateway.edge.journal import Journal
from relay_gateway.edge.ledger import Book
from relay_gateway.edge.redis_ledger import RedisLedger
from relay_gateway.edge.sqlite_ledger import SqliteLedger
from tests.certificates import Authority, authority
from tests.cli.conftest import run
from tests.redis_server import RedisServer, tls_settings

EVENTS = [
    Event(Kind.OFFERED, "acme", "R1", "P1", 1.5),
    Event(Kind.ACCEPTED, "acme", "R1", "P1", 2.5),
    Event(Kind.ACCEPTED, "umbrella", "R2", "P2", 3.0),
    Event(Kind.REDEEMED, "acme", "", "", 9.0, (("id", "1"), ("why", "求人広告"))),
]


def fill(ledger: Book, events=EVENTS) -> None:
    async def record() -> None:
        await ledger.open()
        for event in events:
            await ledger.record(event)
        await ledger.close()

    asyncio.run(record())


def entries_of(ledger: Book, tenant: str):
    async def read():
        await ledger.open()
        try:
            return list(await ledger.entries(tenant))
        finally:
            await ledger.close()

    return asyncio.run(read())


@pytest.fixture
def path(office: Path) -> Path:
    return office / "config" / "ledger.sqlite3"


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path / "redis").start()
    yield server
    server.stop()


def use_redis(office: Path, server: RedisServer) -> None:
    path = office / "config" / "gateway.yaml"
    text = path.read_text().replace("sqlite:ledger.sqlite3", f"redis://127.0.0.1:{server.port}")
    path.write_text(text)


def test_check_tells_what_is_there_and_that_nothing_is_broken(path):
    fill(SqliteLedger(path))
    result = run("ledger", "check", "--verify")
    assert (result.exit_code, result.stderr) == (0, "")
    for words in ("offered 1, accepted 1, redeemed 1", "umbrella", "0 events wait", "Nothing is b"):
        assert words in result.stdout
    assert entries_of(SqliteLedger(path), "acme")[-1].digest in result.stdout


def test_check_speaks_japanese(path):
    fill(SqliteLedger(path))
    result = run("ledger", "check", "--lang", "ja")
    assert "チェーン先頭" in result.stdout
    assert "壊れているところはありません。" in result.stdout


def test_check_makes_no_ledger_and_no_journal(office):
    before = sorted(office.rglob("*"))
    result = run("ledger", "check")
    assert result.exit_code == 0
    assert "no ledger" in result.stderr
    assert sorted(office.rglob("*")) == before


def test_to_look_makes_no_file(path):
    fill(SqliteLedger(path))
    before = sorted(path.parent.iterdir())
    for command in ("check", "export"):
        assert run("ledger", command).exit_code == 0
    assert sorted(path.parent.iterdir()) == before


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("UPDATE events SET at = 7 WHERE seq = 2", "The chain of acme breaks at entry 2"),
        ("UPDATE events SET person = 'X' WHERE seq = 1", "The chain of acme breaks at entry 1"),
        ("DELETE FROM events WHERE seq = 4", "The entries of acme do not lead to its head"),
        (
            "UPDATE heads SET entries = 2, digest = (SELECT digest FROM events WHERE seq = 2)",
            "do not lead to its head",
        ),
        ("DELETE FROM heads", "The entries of acme do not lead to its head"),
        ("UPDATE events SET key = 'x' WHERE seq = 2", "row 2 is kept under the key of another"),
    ],
)
def test_check_finds_what_somebody_has_altered(path, change, words):
    fill(SqliteLedger(path))
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(change)
    result = run("ledger", "check", "--verify")
    assert result.exit_code == 1
    assert words in result.stderr
    assert "Nothing is broken" not in result.stdout


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE events SET kind = 'x' WHERE seq = 2",
        "UPDATE events SET at = 'x' WHERE seq = 2",
        "UPDATE events SET facts = '[1]' WHERE seq = 2",
        "UPDATE events SET person = x'ff' WHERE seq = 2",
        "UPDATE heads SET entries = 'x'",
    ],
)
def test_what_is_no_entry_at_all_is_a_sentence(path, change):
    fill(SqliteLedger(path))
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(change)
    result = run("ledger", "check")
    assert result.exit_code == 74
    assert "somebody has altered the file" in result.stderr


def test_check_counts_what_waits_in_the_journal(path):
    fill(SqliteLedger(path))
    fill(Journal(path.with_name("ledger.journal.sqlite3")))
    assert "4 events wait" in run("ledger", "check").stdout


def test_check_says_what_to_set_at_a_redis(office, redis):
    use_redis(office, redis)
    fill(RedisLedger(redis.place))
    assert run("ledger", "check", "--verify").stdout.endswith("Nothing is broken.\n")
    redis.ask("CONFIG", "SET", "appendfsync", "everysec")
    redis.ask("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    told = run("ledger", "check").stdout
    assert "set appendfsync always" in told
    assert "set maxmemory-policy noeviction" in told
    redis.ask("CONFIG", "SET", "appendonly", "no")
    assert "set appendonly yes" in run("ledger", "check").stdout


def test_a_redis_that_does_not_answer_is_a_sentence(office, redis):
    use_redis(office, redis)
    redis.stop()
    for command in ("check", "export"):
        result = run("ledger", command)
        assert result.exit_code == 74
        assert f"The ledger redis://127.0.0.1:{redis.port} cannot be used" in result.stderr


OURS = authority("Authority of the ledger")
OTHER = authority("Another authority")


def test_check_asks_a_redis_under_tls_as_the_settings_say(office, tmp_path):
    redis = RedisServer(tmp_path / "redis", *tls_settings(OURS, "localhost")).start()
    try:
        asked_under_tls(office, redis)
    finally:
        redis.stop()


def asked_under_tls(office: Path, redis: RedisServer) -> None:
    redis.ask("ACL", "SETUSER", "relay", "on", ">geheim", "~*", "+@all")
    redis.ask("CONFIG", "SET", "requirepass", "of nobody we know")
    folder = office / "config"
    (folder / "password").write_text("geheim\n")
    certificate, key = OURS.issue("gateway.acme.example")
    settings = folder / "gateway.yaml"
    before = settings.read_text()

    def use(ca: Authority, host: str) -> None:
        settings.write_text(
            before.replace(
                "sqlite:ledger.sqlite3",
                f"{{url: 'rediss://{host}:{redis.tls_port}/0', user: relay, ca: {ca.file},"
                f" secret: {{file: password}}, certificate: {certificate}, key: {key}}}",
            )
        )

    use(OURS, "localhost")
    told = run("ledger", "check", "--verify")
    assert (told.exit_code, told.stderr) == (0, "")
    assert told.stdout.endswith("Nothing is broken.\n")
    use(OTHER, "localhost")
    told = run("ledger", "check")
    assert told.exit_code == 74
    assert "name the file of those who sign its certificate in ledger.ca." in told.stderr


def test_export_prints_each_entry_with_its_digest(path):
    fill(SqliteLedger(path))
    told = [json.loads(line) for line in run("ledger", "export").stdout.splitlines()]
    assert [(one["company"], one["kind"]) for one in told] == [
        ("acme", "offered"),
        ("acme", "accepted"),
        ("acme", "redeemed"),
        ("umbrella", "accepted"),
    ]
    entry = entries_of(SqliteLedger(path), "acme")[2]
    assert told[2]["facts"] == {"id": "1", "why": "求人広告"}
    assert (told[2]["digest"], told[2]["salt"]) == (entry.digest, entry.salt)
    only = run("ledger", "export", "--company", "umbrella").stdout.splitlines()
    assert [json.loads(line) for line in only] == told[3:]


def test_a_backup_of_sqlite_is_a_ledger(office, path):
    fill(SqliteLedger(path))
    result = run("ledger", "backup", "copy.sqlite3")
    assert (result.exit_code, result.stderr) == (0, "copy.sqlite3 holds 4 events.\n")
    copy = office / "copy.sqlite3"
    assert entries_of(SqliteLedger(copy), "acme") == entries_of(SqliteLedger(path), "acme")
    assert copy.stat().st_mode & 0o777 == 0o640
    again = run("ledger", "backup", "copy.sqlite3")
    assert again.exit_code == 73
    assert "exists; name another file" in again.stderr


def test_nothing_to_copy_is_a_sentence(office):
    result = run("ledger", "backup", "copy.sqlite3")
    assert result.exit_code == 66
    assert not (office / "copy.sqlite3").exists()


def test_entries_go_to_redis_and_back_as_they_were(office, path, redis):
    fill(SqliteLedger(path))
    url = f"redis://127.0.0.1:{redis.port}"
    result = run("ledger", "migrate", "configured", url)
    assert result.exit_code == 0, result.stderr
    assert "acme: 3 events, 3 of them new" in result.stderr
    again = run("ledger", "migrate", "configured", url)
    assert "acme: 3 events, 0 of them new" in again.stderr
    assert run("ledger", "migrate", url, "sqlite:back.sqlite3").exit_code == 0
    for tenant in ("acme", "umbrella"):
        was = entries_of(SqliteLedger(path), tenant)
        assert entries_of(RedisLedger(redis.place), tenant) == was
        assert entries_of(SqliteLedger(office / "back.sqlite3"), tenant) == was


def test_a_backup_of_redis_can_be_brought_back(office, redis):
    use_redis(office, redis)
    fill(RedisLedger(redis.place))
    assert run("ledger", "backup", "copy.jsonl").exit_code == 0
    was = entries_of(RedisLedger(redis.place), "acme")
    redis.ask("FLUSHALL")
    assert run("ledger", "migrate", "copy.jsonl", "configured").exit_code == 0
    assert entries_of(RedisLedger(redis.place), "acme") == was


def test_what_waits_in_the_journal_is_carried_as_well(office, path):
    fill(SqliteLedger(path))
    late = Event(Kind.ACCEPTED, "acme", "R9", "P9", 20.0)
    fill(Journal(path.with_name("ledger.journal.sqlite3")), [late])
    assert run("ledger", "migrate", "configured", "sqlite:new.sqlite3").exit_code == 0
    entries = entries_of(SqliteLedger(office / "new.sqlite3"), "acme")
    assert [entry.event for entry in entries][-1] == late


def test_a_broken_chain_is_not_carried(office, path):
    fill(SqliteLedger(path))
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE events SET at = 7 WHERE seq = 2")
    result = run("ledger", "migrate", "configured", "sqlite:new.sqlite3")
    assert result.exit_code == 74
    assert "The chain of acme breaks at entry 2" in result.stderr
    assert entries_of(SqliteLedger(office / "new.sqlite3"), "acme") == []


def test_entries_are_not_carried_over_others(office, path):
    fill(SqliteLedger(path))
    fill(SqliteLedger(office / "other.sqlite3"))
    result = run("ledger", "migrate", "configured", "sqlite:other.sqlite3")
    assert result.exit_code == 74
    assert "carry its ledger to an empty place" in result.stderr


@pytest.mark.parametrize(
    ("ways", "status", "words"),
    [
        (("sqlite:a.db", "b.db"), 2, "b.db is no ledger; write sqlite:PATH"),
        (("redis://u:pass@h", "sqlite:b.db"), 2, "a password does not belong into it"),
        (("lines.jsonl", "sqlite:b.db"), 74, "Line 2 of lines.jsonl is no entry"),
        (("sqlite:nowhere.db", "sqlite:b.db"), 74, "cannot be used"),
    ],
)
def test_a_way_that_leads_nowhere_is_a_sentence(office, path, ways, status, words):
    fill(SqliteLedger(path))
    good = run("ledger", "export").stdout.splitlines()[0]
    (office / "lines.jsonl").write_text(good + "\n{}\n")
    result = run("ledger", "migrate", *ways)
    assert result.exit_code == status
    assert words in result.stderr
    assert "pass@" not in result.stderr
    assert not (office / "nowhere.db").exists()
