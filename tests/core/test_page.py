"""Which parts of a mail are read as its letter."""

import pytest

from relay_gateway.core.message import Unfit, read
from relay_gateway.core.page import MAX_TEXT, pages
from tests.mails import mail, multipart, part


def test_a_mail_with_more_text_than_a_letter_has_is_not_read():
    half = b"one line of a report\r\n" * (MAX_TEXT // 44)
    assert pages(read(mail(multipart("mixed", part(half), part(half)))))
    with pytest.raises(Unfit, match="more text"):
        pages(read(mail(multipart("mixed", part(half), part(half), part(half)))))
