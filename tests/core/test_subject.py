"""Subjects as mail clients of two decades encode them."""

import pytest

from relay_gateway.core.message import read
from relay_gateway.core.subject import subject


def said(value):
    return subject(read(b"Subject: " + value + b"\r\n\r\n"))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"plain", "plain"),
        (b"=?utf-8?B?6YG46ICD57WQ5p6c?=", "選考結果"),
        (b"=?UTF-8?Q?=E9=81=B8=E8=80=83?= =?UTF-8?Q?=E7=B5=90=E6=9E=9C?=", "選考結果"),
        (b"=?UTF-8?Q?=E9=81=B8=E8=80=83?=\r\n =?UTF-8?Q?=E7=B5=90=E6=9E=9C?=", "選考結果"),
        (b"=?ISO-2022-JP?B?GyRCQSo5TTdrMkwbKEI=?=", "選考結果"),
        (b"=?iso-2022-jp?B?GyRCLWobKEI=?=", "㈱"),
        (b"Re: =?utf-8?B?6YG46ICD57WQ5p6c?= (2)", "Re: 選考結果 (2)"),
        ("選考結果".encode(), "選考結果"),
        (b"=?utf-8?B?a?=", "=?utf-8?B?a?="),
        (b"=?x-unknown?Q?abc?=", "abc"),
        (b"=?utf-8?Q?=FF?=", "\ufffd"),
        (b"\xff", "\ufffd"),
        (b"", ""),
    ],
)
def test_a_subject_is_read_as_it_is_seen(value, text):
    assert said(value) == text


def test_a_mail_may_have_no_subject():
    assert subject(read(b"From: a@acme.example\r\n\r\n")) == ""
