"""What is kept of a fault, and that keeping it disturbs nobody."""

import asyncio
from functools import partial

import pytest
from structlog.testing import capture_logs

from relay_gateway.core.decision import Decision
from relay_gateway.core.edit import Edit
from relay_gateway.core.reason import Reason
from relay_gateway.core.reproduce import reproduce
from relay_gateway.edge.reproducers import LONGEST, MOST_FILES, Reproducers
from tests.conftest import envelope
from tests.core.test_decision import REFUTED
from tests.mails import mail, part

RAW = mail(part(REFUTED, "text/html"))


async def masked(_envelope, raw):
    """A thinker that finds each mail worth keeping as it is."""
    return Decision(Reason.VERIFY_FAILED, edits=(Edit(0, len(raw), raw[:]),))


async def told(reproducers, *mails):
    """What the log says of these mails."""
    with capture_logs() as lines:
        for raw in mails:
            reproducers.take(envelope(), raw)
            await reproducers.settled()
    assert all(line["event"] == "reproducer" for line in lines)
    return [line["reproducer"] for line in lines], [line.get("why") for line in lines]


async def test_a_refuted_mail_is_kept_without_its_words(tmp_path, policy):
    async def think(its, raw):
        return await asyncio.to_thread(partial(reproduce, its, raw, policy))

    folder = tmp_path / "some" / "folder"
    names, _ = await told(Reproducers(folder, think), RAW, RAW)
    (path,) = folder.iterdir()
    assert names == [path.name] * 2
    assert path.name.startswith("verify_failed-")
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(path.read_bytes()) == len(RAW)
    assert b"taro" not in path.read_bytes().lower()


async def test_a_mail_that_shows_nothing_is_not_kept(tmp_path, policy):
    async def think(its, raw):
        return reproduce(its, raw, policy)

    names, why = await told(Reproducers(tmp_path, think), mail())
    assert (names, why) == (["none"], ["the redacted mail does not show the fault"])
    assert list(tmp_path.iterdir()) == []


async def test_a_full_folder_takes_no_more(tmp_path):
    mails = [b"%d" % number for number in range(MOST_FILES + 1)]
    names, why = await told(Reproducers(tmp_path, masked), *mails)
    assert (names[-1], why[-1]) == ("none", "the folder is full")
    assert len(list(tmp_path.iterdir())) == MOST_FILES


async def test_a_large_mail_is_not_even_read(tmp_path):
    assert await told(Reproducers(tmp_path, masked), b" " * (LONGEST + 1)) == (
        ["none"],
        ["the mail is too large"],
    )


async def test_one_is_made_at_a_time_and_given_up_in_the_end(tmp_path):
    begun = asyncio.Event()

    async def think(_envelope, _raw):
        begun.set()
        await asyncio.Event().wait()

    reproducers = Reproducers(tmp_path, think)
    with capture_logs() as lines:
        reproducers.take(envelope(), RAW)
        await begun.wait()
        reproducers.take(envelope(), RAW)
        await reproducers.stop()
    assert [line["why"] for line in lines] == ["another one is being made"]
    await Reproducers(tmp_path, think).stop()


@pytest.mark.parametrize("fault", [ValueError, TimeoutError, MemoryError])
async def test_a_fault_in_making_one_is_a_line_in_the_log(tmp_path, fault):
    async def think(_envelope, _raw):
        raise fault

    names, _ = await told(Reproducers(tmp_path, think), RAW)
    assert names == ["none"]


async def test_a_folder_that_cannot_be_is_a_line_in_the_log(tmp_path):
    (tmp_path / "file").write_text("in the way")
    names, _ = await told(Reproducers(tmp_path / "file", masked), RAW)
    assert names == ["none"]
