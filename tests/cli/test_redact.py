"""`redact`: a mail to show to others, judged as it was."""

import json
import re

import pytest

from relay_gateway.core.message import read
from tests.cli.conftest import BUSINESS, REJECTION, mail, run
from tests.mails import texts

# Somebody tells somebody else of a rejection: the words are there, and a guard takes them back.
LOOK_ALIKE = mail(
    "Hello Hanako,\r\n\r\nOur friend Kobayashi applied for the position of engineer at Tokkyu.\r\n"
    "If they have decided not to move forward with your application, do tell Kobayashi.\r\n"
)
MAILS = {"rejection": REJECTION, "business": BUSINESS, "short": mail(), "alike": LOOK_ALIKE}


def judged(path):
    """What `explain` says of a mail, as far as its words decide it."""
    told = json.loads(run("explain", path, "--json").stdout)
    return {
        **{key: told[key] for key in ("decision", "reason", "language", "score", "vetoes")},
        "rules": [(hit["rule"], hit["role"], hit["where"]) for hit in told["hits"]],
    }


@pytest.fixture(params=MAILS)
def given(request, office):
    """A mail in a file, and its redaction in another."""
    (office / "mail.eml").write_bytes(MAILS[request.param])
    (office / "new.eml").write_bytes(run("redact", office / "mail.eml").stdout_bytes)
    return office / "mail.eml", office / "new.eml"


def test_the_redacted_mail_is_judged_as_the_mail(given):
    old, new = map(judged, given)
    assert new == old


def test_its_structure_is_the_mail_s(given):
    old, new = (read(path.read_bytes()) for path in given)
    assert [field.name for field in new.fields] == [field.name for field in old.fields]
    assert [part.body for part in new.parts] == [part.body for part in old.parts]
    assert [part.media_type for part in new.parts] == [part.media_type for part in old.parts]


def test_no_name_and_no_address_is_left(given):
    old, new = (path.read_bytes() for path in given)
    addresses = re.findall(rb"[\w.+-]+@[\w.-]+", old)
    assert addresses
    for address in addresses:
        assert address not in new
    words = "\n".join(texts(new))
    for name in ("Taro", "Acme", "Hanako", "Kobayashi", "Tokkyu", "Recruiting", "太郎", "アクメ"):
        assert name not in words


def test_a_rejection_keeps_the_words_that_the_rules_look_for_and_no_others(office):
    new = run("redact", "-", stdin=mail()).stdout
    assert "Unfortunately, we have decided not to move forward with your application." in new
    assert "\n\nZzzz Zzzz,\n\n" in new
    assert "\n\nZzzz zzzzzzz,\nZzzz Zzzzzzzzzz\n" in new


def test_a_look_alike_keeps_what_was_taken_back(office):
    new = run("redact", "-", stdin=LOOK_ALIKE).stdout
    assert "decided not to move forward with your application, do tell Zzzzzzzzz." in new


def test_without_keeping_nothing_stays(office):
    new = run("redact", "--no-keep", "-", stdin=mail()).stdout
    body = new.partition("\n\n")[2] or new.partition("\r\n\r\n")[2]
    assert set(re.findall(r"[^\W_]", body)) <= set("zZ0")


def test_it_needs_no_settings(here):
    result = run("redact", "-", stdin=mail())
    assert result.exit_code == 0
    assert "shipped rules" in result.stderr
