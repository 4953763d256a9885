"""Registrations and bounces by webhook: who is believed, what is refused, and what counts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay_gateway.core import link, report
from relay_gateway.core.account import state
from relay_gateway.core.credit import Basis, Event, Kind, Terms
from relay_gateway.edge.sqlite_ledger import SqliteLedger
from tests.conftest import ACME
from tests.edge.webs import (
    ACME_WEB,
    KEY,
    NOW,
    OTHER,
    REFERRAL,
    TOKEN,
    delivered,
    registration,
    web,
)

REGISTERED = "/hooks/registered"
BOUNCED = "/hooks/bounced"
BY_REGISTRATION = Terms(count_on=Basis.REGISTERED)


def bounce(**but):
    told = {"event_id": "b1", "token": TOKEN, "bounced_at": "2026-09-21T14:14:20Z"}
    return {**told, "status": "5.1.1", **but}


class Shaky:
    """A ledger that fails the first time."""

    def __init__(self, ledger: SqliteLedger) -> None:
        self.ledger = ledger
        self.failures = 1

    async def record(self, event: Event) -> bool:
        if self.failures:
            self.failures -= 1
            raise OSError("the ledger is away")
        return await self.ledger.record(event)

    async def events(self, tenant: str, since: float = 0.0) -> Sequence[Event]:
        return await self.ledger.events(tenant, since)

    async def about(self, tenant: str, referral: str) -> Sequence[Event]:
        return await self.ledger.about(tenant, referral)


async def test_a_registration_counts_where_registrations_count(tmp_path):
    async with web(tmp_path) as visitor:
        assert state(await visitor.ledger.events("acme"), BY_REGISTRATION).people == 0
        answered = await visitor.post(REGISTERED, registration())

        assert (answered.status, answered.said) == (200, {"status": "taken"})
        assert state(await visitor.ledger.events("acme"), BY_REGISTRATION).people == 1
        (told,) = await visitor.told(Kind.REGISTERED)
        assert (told.person, told.at, told.fact("report")) == (REFERRAL.person, NOW + 60, "evt_1")


async def test_a_report_told_again_is_answered_and_counts_once(tmp_path):
    async with web(tmp_path) as visitor:
        asked = [
            await visitor.post(REGISTERED, registration(), id="msg_a"),
            await visitor.post(REGISTERED, registration(), id="msg_a"),
            await visitor.post(REGISTERED, registration(event_id="evt_2"), id="msg_b"),
            await visitor.post(REGISTERED, registration(registered_at="2026-09-21T13:10:00Z")),
        ]
        assert [each.status for each in asked] == [200] * 4
        assert [each.said["status"] for each in asked] == ["taken", *["duplicate"] * 3]
        assert len(await visitor.told(Kind.REGISTERED)) == 1


async def test_a_replay_is_known_to_every_worker_and_after_a_restart(tmp_path):
    async with web(tmp_path) as one, web(tmp_path) as another:
        await one.post(REGISTERED, registration(test=True), id="msg_a")
        assert (await another.post(REGISTERED, registration(), id="msg_a")).said == {
            "status": "duplicate"
        }
        assert await another.told(Kind.REGISTERED) == []
    async with web(tmp_path) as later:
        assert (await later.post(REGISTERED, registration(), id="msg_a")).said == {
            "status": "duplicate"
        }


async def test_two_at_once_are_one(tmp_path):
    async with web(tmp_path) as one, web(tmp_path) as another:
        asked = await asyncio.gather(
            *(each.post(REGISTERED, registration(), id="msg_a") for each in (one, another) * 5)
        )
        assert {each.status for each in asked} == {200}
        assert len(await one.told(Kind.REGISTERED)) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"key": b"somebody else's key, long enough"},
        {"signature": "v1,"},
        {"signature": "v2," + "A" * 44},
        {"signature": " " * 1000},
        {"timestamp": str(int(NOW + 60 - 301))},
        {"timestamp": str(int(NOW + 60 + 301))},
        {"timestamp": "soon"},
        {"timestamp": ""},
        {"timestamp": "٣"},
        {"id": ""},
    ],
)
async def test_who_does_not_sign_now_is_not_heard(tmp_path, wrong):
    wrong = {name: value for name, value in wrong.items() if str(value).isascii()}
    if not wrong:
        assert not report.is_fresh("٣", 3.0)
        return
    async with web(tmp_path) as visitor:
        answered = await visitor.post(REGISTERED, registration(), **wrong)
        assert answered.status == 401
        assert "webhook-" in answered.said["error"]
        assert await visitor.told(Kind.REGISTERED) == []


async def test_a_changed_body_id_or_time_is_not_believed(tmp_path):
    async with web(tmp_path) as visitor:
        stamp = str(int(NOW + 60))
        signature = report.sign(KEY, "msg_1", stamp, b"{}")
        for id, timestamp, body in (
            ("msg_2", stamp, b"{}"),
            ("msg_1", str(int(NOW + 61)), b"{}"),
            ("msg_1", stamp, b"{ }"),
        ):
            answered = await visitor.post(
                REGISTERED, body, id=id, timestamp=timestamp, signature=signature
            )
            assert answered.status == 401


async def test_one_of_several_signatures_is_enough_and_keys_rotate(tmp_path):
    new = b"the next key, put in front of it"
    rotating = replace(ACME_WEB, hook_secrets=(new, KEY))
    async with web(tmp_path, tenants=(rotating,)) as visitor:
        body, stamp = b"{}", str(int(NOW + 60))
        good = report.sign(KEY, "msg_1", stamp, body)
        answered = await visitor.post(
            REGISTERED, body, id="msg_1", signature=f"v1a,abc v1,AAAA {good}"
        )
        assert answered.status == 422
        assert (await visitor.post(REGISTERED, registration(), key=new)).status == 200


def test_the_signature_is_that_of_the_standard():
    # The example of https://github.com/standard-webhooks/standard-webhooks (libraries/python).
    key = report.secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signature = report.sign(
        key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}'
    )
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


async def test_a_company_cannot_speak_of_another_ones_people(tmp_path):
    async with web(tmp_path) as visitor:
        answered = await visitor.post(REGISTERED, registration(), key=OTHER.hook_secrets[0])
        assert answered.status == 202
        assert await visitor.told(Kind.REGISTERED) == []


@pytest.mark.parametrize("name", ["email", "name", "address", "phone", "氏名", "person", "comment"])
async def test_what_names_a_person_is_refused_by_name(tmp_path, name):
    async with web(tmp_path) as visitor:
        answered = await visitor.post(REGISTERED, registration(**{name: "taro@gmail.example"}))
        assert answered.status == 422
        said = answered.said["error"]
        assert said.startswith(f"{name} is not taken" if name.isascii() else "a field with a name")
        assert "taro" not in said
        assert await visitor.told(Kind.REGISTERED) == []


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (registration(event_id="taro@gmail.example"), "event_id is missing or no code"),
        (registration(token=7), "token is missing or no code"),
        (registration(registered_at="2026-09-21"), "registered_at is missing or no time"),
        (registration(registered_at="2026-09-21T10:00:00"), "registered_at has no time zone"),
        (registration(registered_at=1_790_000_000), "registered_at is missing or no time"),
        (registration(test=1), "test is neither"),
        (registration(test="maybe"), "test is neither"),
        ({}, "event_id is missing"),
        (b"{", "the body is no JSON object"),
        (b"[]", "the body is no JSON object"),
        (b"\xff{}", "the body is no JSON object"),
        (b'{"token": "a", "token": "b"}', "the body is no JSON object"),
        (b"[" * 60_000, "the body is no JSON object"),
    ],
)
async def test_what_is_wrong_with_a_report_is_said(tmp_path, told, said):
    async with web(tmp_path) as visitor:
        answered = await visitor.post(REGISTERED, told)
        assert (answered.status, answered.said["error"].startswith(said)) == (422, True)


async def test_other_bodies_are_refused_before_they_are_read(tmp_path):
    async with web(tmp_path) as visitor:
        assert (await visitor.post(REGISTERED, b" " * 65_537)).status == 413
        form = await visitor.ask("POST", REGISTERED, b"a=b", content_type="text/plain")
        assert form.status == 415
        assert (await visitor.ask("GET", REGISTERED)).status == 405
        assert (await visitor.post("/hooks/voided", registration())).status == 404


async def test_without_a_secret_there_is_no_webhook(tmp_path):
    async with web(tmp_path, tenants=(ACME,)) as visitor:
        assert (await visitor.post(REGISTERED, registration())).status == 404


async def test_a_test_is_answered_and_never_counts(tmp_path):
    async with web(tmp_path) as visitor:
        answered = await visitor.post(REGISTERED, registration(test=True))
        assert (answered.status, answered.said) == (200, {"status": "test, not counted"})
        assert len(await visitor.ledger.events("acme")) == 1


async def test_a_registration_may_come_before_its_mail_is_known(tmp_path):
    early = link.refer("acme", b"<2@acme.example>", b"hanako@gmail.example", ACME.keys)
    async with web(tmp_path) as visitor:
        answered = await visitor.post(REGISTERED, registration(token=link.token(early, ACME.keys)))
        assert answered.status == 202
        assert state(await visitor.ledger.events("acme"), BY_REGISTRATION).people == 0

        await visitor.ledger.record(delivered(referral=early))
        assert state(await visitor.ledger.events("acme"), BY_REGISTRATION).people == 1


async def test_a_token_nobody_has_signed_waits_for_the_key_that_has(tmp_path):
    old = b"a key that was left out of the settings by mistake"
    token = link.token(REFERRAL, (old,))
    async with web(tmp_path) as visitor:
        answered = await visitor.post(REGISTERED, registration(token=token))
        assert answered.status == 202
        assert await visitor.told(Kind.REGISTERED) == []
    mended = replace(ACME_WEB, keys=(*ACME_WEB.keys, old))
    async with web(tmp_path, tenants=(mended,)) as visitor:
        await visitor.service.stop(10)
        (told,) = await visitor.told(Kind.REGISTERED)
        assert told.referral == REFERRAL.id
    async with web(tmp_path, tenants=(mended,)) as visitor:
        await visitor.service.stop(10)
        assert len(await visitor.told(Kind.REGISTERED)) == 1


async def test_what_the_ledger_cannot_keep_is_sent_again_and_kept_then(tmp_path):
    own = SqliteLedger(tmp_path / "shaky.sqlite3")
    await own.open()
    async with web(tmp_path, ledger=Shaky(own)) as visitor:
        first = await visitor.post(REGISTERED, registration(), id="msg_a")
        again = await visitor.post(REGISTERED, registration(), id="msg_a")

        assert (first.status, first.headers["retry-after"]) == (503, "30")
        assert again.status == 202
        assert len(await visitor.told(Kind.REGISTERED)) == 1
    await own.close()


async def test_a_bounce_takes_the_person_back(tmp_path):
    async with web(tmp_path) as visitor:
        assert state(await visitor.ledger.events("acme"), Terms()).people == 1
        later = await visitor.post(BOUNCED, bounce(status="4.4.1"))
        assert later.said == {"status": "not final, not counted"}
        assert state(await visitor.ledger.events("acme"), Terms()).people == 1

        answered = await visitor.post(BOUNCED, bounce())
        assert answered.said == {"status": "taken"}
        assert state(await visitor.ledger.events("acme"), Terms()).people == 0
        (told,) = await visitor.told(Kind.BOUNCED)
        assert told.fact("status") == "5.1.1"
        assert (await visitor.post(BOUNCED, bounce(status="gone"))).status == 422


async def test_a_report_from_the_future_is_one_of_now(tmp_path):
    async with web(tmp_path) as visitor:
        await visitor.post(REGISTERED, registration(registered_at="2099-01-01T00:00:00Z"))
        (told,) = await visitor.told(Kind.REGISTERED)
        assert told.at == NOW + 60


@given(st.binary(max_size=200), st.text(max_size=50), st.text(max_size=20))
def test_any_bytes_are_a_report_or_refused(body, id, stamp):
    assert not report.is_signed((KEY,), "msg", "1", id, body) or id.startswith("v1,")
    report.is_fresh(stamp, NOW)
    with suppress(report.BadReport):
        found = report.fields(body)
        report.registration(found)
        report.bounce(found)
