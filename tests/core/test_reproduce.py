"""A fault of ours is shown by a mail without words, or by none."""

from dataclasses import replace

import pytest

from relay_gateway.core.decision import decide
from relay_gateway.core.edit import apply
from relay_gateway.core.reason import Reason
from relay_gateway.core.reproduce import reproduce
from tests.conftest import ACME, envelope
from tests.core.test_decision import REFUTED
from tests.mails import JA, mail, multipart, part

REFUTED_JA = f"<form>{JA.replace('様', '様<p>', 1)}<form>またね"


@pytest.mark.parametrize("words", [REFUTED, REFUTED_JA])
@pytest.mark.parametrize("encoding", ["8bit", "base64", "quoted-printable"])
def test_a_refuted_mail_is_refuted_without_its_words(policy, words, encoding):
    raw = mail(multipart("alternative", part(words, "text/html", encoding=encoding)))
    shown = reproduce(envelope(), raw, policy)
    masked = apply(raw, shown.edits)
    assert shown.reason is Reason.VERIFY_FAILED
    assert masked != raw
    assert decide(envelope(), masked, policy).reason is Reason.VERIFY_FAILED
    for name in ("Taro", "佐藤", "アクメ", "gmail", "saiyo"):
        assert name.encode() not in masked


def test_what_only_masked_addresses_hide_is_shown_by_force(policy):
    raw = mail(part(REFUTED, "text/html"), cc="boss@acme.example")
    assert decide(envelope(), raw, policy).reason is Reason.VERIFY_FAILED
    masked = apply(raw, reproduce(envelope(), raw, policy).edits)
    assert decide(envelope(), masked, policy).reason is Reason.SEVERAL_RECIPIENTS
    forced = replace(policy, is_forced=True)
    assert decide(envelope(), masked, forced).reason is Reason.VERIFY_FAILED


def test_a_bug_is_shown_by_the_same_bug(policy):
    # A company that was built wrongly; no mail may do this.
    broken = replace(policy, tenants=(replace(ACME, wordings=None),))
    shown = reproduce(envelope(), mail(), broken)
    assert (shown.reason, shown.detail) == (Reason.OUR_FAULT, "AttributeError")
    assert "佐藤".encode() not in shown.edits[0].new


def test_without_a_fault_there_is_nothing_to_show(policy):
    for raw in (mail(), mail(part("Hello")), b""):
        assert reproduce(envelope(), raw, policy).edits == ()


def test_a_fault_that_comes_but_once_is_not_shown(policy):
    assert reproduce(envelope(), mail(), replace(policy, tenants=(Moody(ACME),))).edits == ()


class Moody:
    """A company that is broken for the first mail only, as memory may be short for a moment."""

    def __init__(self, tenant):
        self._tenant, self._asked = tenant, 0

    def sends(self, sender):
        self._asked += 1
        if self._asked == 1:
            raise MemoryError
        return self._tenant.sends(sender)

    def __getattr__(self, name):
        return getattr(self._tenant, name)
