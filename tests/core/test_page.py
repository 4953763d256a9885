"""Which parts of a mail are read as its letter."""

import pytest

from relay_gateway.core.message import Unfit, read
from relay_gateway.core.page import MAX_TEXT, pages
from tests.mails import JA_HTML, mail, multipart, part


def test_a_mail_with_more_text_than_a_letter_has_is_not_read():
    style = b"<style>" + b"p { margin: 0 } " * (MAX_TEXT // 40) + b"</style>"
    half = part(style + JA_HTML.encode(), "text/html")
    assert pages(read(mail(multipart("mixed", half, half))))
    with pytest.raises(Unfit, match="more text"):
        pages(read(mail(multipart("mixed", half, half, half))))


def test_a_text_beside_html_that_is_all_quoted_is_not_read():
    html = part("<blockquote><p>We regret.</p></blockquote>", "text/html")
    with pytest.raises(Unfit, match="no words of the writer"):
        pages(read(mail(multipart("alternative", part(), html))))
    picture = part("<img src='cid:letter'>", "text/html")
    ((page,),) = pages(read(mail(multipart("alternative", part(), picture))))
    assert not page.letter.is_html
