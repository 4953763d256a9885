"""Sockets that several processes and generations share."""

from __future__ import annotations

import resource
import socket

import pytest

from relay_gateway.edge.sockets import allow_files, bind, close


def ports(bound) -> list[int]:
    return [group[0].getsockname()[1] for group in bound.values()]


def is_listening(port: int, host: str = "127.0.0.1") -> bool:
    try:
        socket.create_connection((host, port), timeout=5).close()
    except ConnectionRefusedError:
        return False
    return True


def test_clients_may_come_before_there_is_anybody_to_answer():
    bound = bind([("127.0.0.1", 0), ("127.0.0.1", 0)], {})
    first, second = ports(bound)
    assert first != second
    assert is_listening(first)
    assert is_listening(second)
    close(bound, but={})
    assert not is_listening(first)


def test_asyncio_will_send_small_replies_at_once():
    bound = bind([("127.0.0.1", 0)], {})
    ((its,),) = bound.values()
    # It asks the protocol before it switches Nagle's algorithm off.
    assert its.proto == socket.IPPROTO_TCP
    assert not its.getblocking()
    close(bound, but={})


def test_what_is_held_stays_and_what_is_not_wanted_goes():
    held = bind([("127.0.0.1", 0), ("localhost", 0)], {})
    first, second = ports(held)
    found = bind([("127.0.0.1", 0), ("127.0.0.1", 0)], held)
    close(held, but=found)

    assert ports(found)[0] == first
    assert is_listening(first)
    assert not is_listening(second)
    close(found, but={})


def test_one_that_cannot_be_had_leaves_all_as_it_was():
    held = bind([("127.0.0.1", 0)], {})
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(OSError, match=rf"^127\.0\.0\.1:{port} is in use; "):
            bind([("127.0.0.1", 0), ("localhost", 0), ("127.0.0.1", port)], held)

    assert is_listening(ports(held)[0])
    close(held, but={})


def test_an_address_of_another_machine_is_named():
    with pytest.raises(OSError, match=r"^192\.0\.2\.1:2525 cannot be listened at \("):
        bind([("192.0.2.1", 2525)], {})


def lacks_ipv6() -> bool:
    """A kernel may know it and have no address of it, as in many containers."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return True
    return False


@pytest.mark.skipif(lacks_ipv6(), reason="there is no IPv6 here")
def test_both_families_may_be_listened_at_on_one_port():
    first = bind([("0.0.0.0", 0)], {})
    (port,) = ports(first)
    both = bind([("0.0.0.0", port), ("::", port)], {("0.0.0.0", port, 0): first["0.0.0.0", 0, 0]})
    assert is_listening(port)
    assert is_listening(port, "::1")
    close(both, but={})


def test_as_many_files_as_may_be_are_opened_and_the_lacking_told():
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    if before[1] == resource.RLIM_INFINITY:
        pytest.skip("there is no limit here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (100, before[1]))
    try:
        assert allow_files(before[1] + 7) == 7
        assert allow_files(100) == 0
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (before[1], before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
