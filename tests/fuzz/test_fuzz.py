"""The fuzzer itself: a short look at each target, and that it finds what is planted."""

from __future__ import annotations

from itertools import islice

import pytest
from click.testing import CliRunner

from tests.fuzz.__main__ import main
from tests.fuzz.targets import TARGETS, Target

FEW = 15


@pytest.mark.parametrize("name", TARGETS)
def test_no_bytes_break_a_promise(name):
    target = TARGETS[name]
    for raw in [*target.samples()[:FEW], *islice(target.inputs(name), FEW)]:
        assert target.fault(raw) is None


def test_the_same_seed_tries_the_same_bytes():
    tried = [list(islice(TARGETS["path"].inputs("7"), 50)) for _ in range(2)]

    assert tried[0] == tried[1]
    assert len(set(tried[0])) > 10


def _check(raw: bytes) -> None:
    assert b"MAIL" not in raw.upper(), "planted"


def test_what_is_found_is_made_small_and_can_be_tried_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    planted = Target(lambda: [b"x" * 300 + b"MAIL FROM:<>" + b"y" * 300], [], _check)
    monkeypatch.setitem(TARGETS, "path", planted)
    told = CliRunner().invoke(main, ["--target", "path", "--seed", "1", "--seconds", "1"])

    assert told.exit_code == 1, told.output
    (found,) = (tmp_path / "var" / "fuzz").iterdir()
    assert found.read_bytes().upper() == b"MAIL"
    assert f"tests.fuzz {found.relative_to(tmp_path)}" in told.output
    again = CliRunner().invoke(main, [str(found)])
    assert again.exit_code == 1
    assert "planted" in again.output
