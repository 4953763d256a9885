"""`password`: what it prints is what a listener's users file holds."""

from __future__ import annotations

import pytest

from relay_gateway.config.certificates import users
from relay_gateway.edge.users import Users
from tests.cli.conftest import run


async def test_a_line_for_the_users_file_is_printed(here):
    lines = [
        run("password", name, stdin="お祈り 99\n").stdout for name in ("hr", "mx@acme.example")
    ]
    (here / "users").write_text("".join(lines))
    known = Users(users(here / "users"))
    for name in ("hr", "mx@acme.example"):
        assert await known.is_right(name, "お祈り 99".encode())
        assert not await known.is_right(name, b"99")


def test_the_hash_costs_memory_and_time_and_tells_nothing():
    first, second = (run("password", "hr", stdin="secret\n").stdout for _ in range(2))
    assert first.startswith("hr:$argon2id$v=19$m=19456,t=2,p=1$")
    assert first != second
    assert "secret" not in first


@pytest.mark.parametrize("name", ["", "a:b", "#a", "a b", "a\n"])
def test_a_name_that_would_break_the_file_is_refused(name):
    result = run("password", name, stdin="secret\n")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "choose another name" in result.stderr


def test_an_empty_password_is_refused():
    result = run("password", "hr", stdin="\n")
    assert (result.exit_code, result.stdout) == (66, "")
    assert "empty" in result.stderr
