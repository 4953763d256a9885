"""A Redis under TLS, and with users of its own: who is believed, and who may enter."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from relay_gateway.config import certificates
from relay_gateway.config.models import Ledger
from relay_gateway.core.credit import Event, Kind
from relay_gateway.edge.redis_ledger import RedisLedger
from relay_gateway.edge.redis_server import Server, Shape
from tests.certificates import Authority, authority
from tests.ports import reserve
from tests.redis_server import Cluster, RedisServer, binary, tls_settings

OURS = authority("Authority of the ledger")
OTHER = authority("Another authority")


def accepted(number: int, tenant: str = "acme") -> Event:
    return Event(Kind.ACCEPTED, tenant, f"R{number:015}", f"P{number:015}", float(number))


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path / "redis", *tls_settings(OURS, "127.0.0.1", "localhost")).start()
    yield server
    server.stop()


def trusting(
    its: Authority = OURS, shown: tuple[Path, Path] | None = None, host: str = "127.0.0.1"
) -> Server:
    """Where nobody is yet, spoken to as the settings of a gateway say."""
    certificate, key = map(str, shown) if shown else (None, None)
    settings = Ledger(ca=str(its.file), certificate=certificate, key=key)
    tls = certificates.ledger_context(settings, Path())
    return Server(((host, 0),), is_tls=True, tls=tls)


def at(server: RedisServer, asked: Server) -> Server:
    return replace(asked, addresses=((asked.addresses[0][0], server.tls_port),))


@asynccontextmanager
async def opened(place: Server, patience: float = 10.0) -> AsyncIterator[RedisLedger]:
    ledger = RedisLedger(place, patience)
    try:
        await ledger.open()
        yield ledger
    finally:
        await ledger.close()


async def refusal(place: Server, patience: float = 10.0) -> str:
    with pytest.raises(OSError, match="cannot be used") as told:
        async with opened(place, patience) as ledger:
            # Under TLS 1.3 a client learns at its first word that its certificate is not wanted.
            await ledger.record(accepted(1))
    return str(told.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_events_are_kept_under_tls(redis, host):
    redis.ask("CONFIG", "SET", "tls-auth-clients", "no")
    async with opened(at(redis, trusting(host=host))) as ledger:
        assert await ledger.record(accepted(1))
        assert list(await ledger.events("acme")) == [accepted(1)]
        assert list(await ledger.complaints()) == []


async def test_a_server_that_nobody_we_name_has_signed_is_refused(redis):
    redis.ask("CONFIG", "SET", "tls-auth-clients", "no")
    assert "name the file of those who sign its certificate in ledger.ca" in await refusal(
        at(redis, trusting(OTHER))
    )
    # Left out, the system is asked whom it trusts; it does not know our authority.
    unnamed = Server((("127.0.0.1", redis.tls_port),), is_tls=True)
    assert "ledger.ca" in await refusal(unnamed)


async def test_whom_the_system_trusts_is_not_believed_where_another_authority_is_named(
    redis, monkeypatch
):
    # Of the system's own, as a public authority would be.
    monkeypatch.setenv("SSL_CERT_FILE", str(OURS.file))
    redis.ask("CONFIG", "SET", "tls-auth-clients", "no")
    async with opened(Server((("127.0.0.1", redis.tls_port),), is_tls=True)) as ledger:
        assert await ledger.record(accepted(1))
    assert "ledger.ca" in await refusal(at(redis, trusting(OTHER)))


async def test_a_certificate_of_another_name_is_refused(tmp_path):
    server = RedisServer(tmp_path / "redis", *tls_settings(OURS, "redis.example")).start()
    try:
        for host in ("127.0.0.1", "localhost"):
            told = await refusal(at(server, trusting(host=host)))
            assert "name the server in ledger.url as its certificate does" in told
    finally:
        server.stop()


async def test_a_certificate_that_has_run_out_is_refused(tmp_path):
    settings = tls_settings(OURS, "127.0.0.1", days=-1)
    server = RedisServer(tmp_path / "redis", *settings).start()
    try:
        assert "renew the certificate" in await refusal(at(server, trusting()))
    finally:
        server.stop()


async def test_a_server_that_wants_to_see_a_certificate_sees_ours(redis):
    assert "ledger.certificate" in await refusal(at(redis, trusting()))
    strange = trusting(shown=OTHER.issue("gateway.acme.example"))
    assert "ledger.certificate" in await refusal(at(redis, strange))
    known = trusting(shown=OURS.issue("gateway.acme.example"))
    async with opened(at(redis, known)) as ledger:
        assert await ledger.record(accepted(1))


async def test_tls_and_plain_text_that_meet_say_so(redis):
    to_plain = replace(trusting(), addresses=(("127.0.0.1", redis.port),))
    assert "whether it speaks TLS there" in await refusal(to_plain, patience=0.5)
    to_tls = Server((("127.0.0.1", redis.tls_port),))
    assert "write rediss: in ledger.url" in await refusal(to_tls)


RIGHTS = (
    "+ping +info +evalsha +eval +hget +hset +hmget +hexists +hscan +xadd +xrange +zadd "
    "+zrangebylex +zrangebyscore +scan +wait +bgrewriteaof +config|get"
).split()
IN_CLUSTER = "+cluster|slots +cluster|shards +command".split()
USER = ("on", ">geheim", "~relay_gateway:*", *RIGHTS)


def test_the_docs_list_these_rights():
    told = (Path(__file__).parents[2] / "docs" / "operating.md").read_text("utf-8")
    assert set(RIGHTS + IN_CLUSTER) <= set(told.replace("`", " ").replace(".", " ").split())


async def use_all(ledger: RedisLedger) -> None:
    """Everything that the gateway and its commands ever ask of it."""
    told = [ledger.record(accepted(number, f"company{number}")) for number in range(9)]
    assert await asyncio.gather(*told) == [True] * 9
    assert len(await ledger.tenants()) == 9
    assert list(await ledger.events("company3", 1.0)) == [accepted(3, "company3")]
    assert list(await ledger.about("company3", accepted(3).referral)) == [accepted(3, "company3")]
    entries = await ledger.entries("company4")
    assert await ledger.forget("company4", accepted(4).person, "alias") == 1
    assert await ledger.restore(await ledger.entries("company4")) == 0
    assert (await ledger.head("company4")).digest == entries[-1].digest
    assert {str(each.ailment) for each in await ledger.complaints()} <= {"lonely"}


async def test_a_user_with_the_rights_of_the_docs_can_do_all_of_it_under_tls(redis):
    redis.ask("ACL", "SETUSER", "relay", *USER)
    redis.ask("CONFIG", "SET", "requirepass", "of nobody we know")
    known = at(redis, trusting(shown=OURS.issue("gateway.acme.example")))
    assert "write ledger.user and ledger.secret" in await refusal(known)
    wrong = await refusal(replace(known, user="relay", password="falsch"))
    assert "correct ledger.user and ledger.secret" in wrong
    assert "falsch" not in wrong
    async with opened(replace(known, user="relay", password="geheim")) as ledger:
        await use_all(ledger)


async def test_a_right_that_is_lacking_is_named(redis):
    redis.ask("CONFIG", "SET", "tls-auth-clients", "no")
    redis.ask("ACL", "SETUSER", "relay", *USER, "-xadd")
    told = await refusal(replace(at(redis, trusting()), user="relay", password="geheim"))
    assert "grant it at the Redis, as docs/operating.md lists" in told


async def test_a_cluster_is_used_under_tls_by_its_user(tmp_path):
    among_them = ("--tls-cluster", "yes", "--tls-replication", "yes")
    settings = tls_settings(OURS, "127.0.0.1") + among_them
    cluster = Cluster(tmp_path / "cluster", *settings)
    try:
        cluster.start()
        for node in cluster.nodes:
            node.ask("ACL", "SETUSER", "relay", *USER, *IN_CLUSTER)
            node.ask("ACL", "SETUSER", "default", "off")
        known = trusting(shown=OURS.issue("gateway.acme.example"))
        addresses = (("127.0.0.1", cluster.nodes[1].tls_port),)
        place = replace(known, addresses=addresses, shape=Shape.CLUSTER)
        async with opened(replace(place, user="relay", password="geheim")) as ledger:
            await use_all(ledger)
        strange = trusting(OTHER)
        assert "ledger.ca" in await refusal(replace(place, tls=strange.tls))
    finally:
        cluster.stop()


async def test_sentinels_and_their_primary_are_asked_under_tls(tmp_path):
    redis = RedisServer(tmp_path / "redis", *tls_settings(OURS, "127.0.0.1")).start()
    port, shown = reserve(redis), OURS.issue("gateway.acme.example")
    settings = tmp_path / "sentinel.conf"
    certificate, key = OURS.issue("127.0.0.1")
    settings.write_text(
        f"port 0\ntls-port {port}\nbind 127.0.0.1\ndir {tmp_path}\nlogfile sentinel.log\n"
        f"tls-cert-file {certificate}\ntls-key-file {key}\ntls-ca-cert-file {OURS.file}\n"
        f"tls-replication yes\nsentinel monitor relay 127.0.0.1 {redis.tls_port} 1\n"
    )
    told = (binary(), str(settings), "--sentinel")
    sentinel = await asyncio.create_subprocess_exec(*told)
    place = replace(
        trusting(shown=shown),
        addresses=(("127.0.0.1", port),),
        shape=Shape.SENTINEL,
        service="relay",
    )
    try:
        async with asyncio.timeout(30):
            while True:
                try:
                    async with opened(place) as ledger:
                        assert await ledger.record(accepted(1))
                    break
                except OSError:
                    # It is still starting.
                    await asyncio.sleep(0.05)
        assert redis.ask("EXISTS", "relay_gateway:{acme}:head") == ":1"
        await refusal(replace(place, tls=trusting(OTHER).tls))
    finally:
        sentinel.kill()
        await sentinel.wait()
        redis.stop()
