"""What a reader sees as paragraphs, in plain text and in HTML."""

import pytest

from relay_gateway.core.letter import Voice, read_html, read_plain


def texts(letter):
    return [part.text for part in letter.paragraphs]


def test_empty_lines_part_paragraphs():
    letter = read_plain("a\r\nb\r\n\r\n \u3000\r\nc\r\n")
    assert texts(letter) == ["a\nb", "c"]
    assert letter.source[letter.paragraphs[1].start : letter.paragraphs[1].end] == "c"


def test_an_indent_after_a_full_stop_begins_a_paragraph():
    letter = read_plain("\u3000一つ目です。\n\u3000二つ目は\n\u3000続きます。\n")
    assert len(letter.paragraphs) == 2
    assert not letter.paragraphs[1].is_spaced


def test_flowed_lines_are_joined_as_they_are_meant():
    assert texts(read_plain("one \ntwo\n\n  three\n", is_flowed=True)) == ["one two", " three"]
    assert texts(read_plain("お祈 \nりします\n", is_flowed=True, is_delsp=True)) == ["お祈りします"]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("<p>a</p><p>b</p>", ["a", "b"]),
        ("<p>a<p>b", ["a", "b"]),
        ("a<br><br>b", ["a", "b"]),
        ("a<br>b<br/>c", ["a\nb\nc"]),
        ("<div>a</div><div>b</div><div><br></div><div>c</div>", ["a\nb", "c"]),
        ("<p class=MsoNormal>a</p><p class=MsoNormal>b<o:p></o:p></p>", ["a\nb"]),
        ("<p class=MsoNormal>a<p class=MsoNormal>&nbsp;<p class=MsoNormal>b", ["a", "b"]),
        ("<p style='margin:0'>a</p><p style='margin:0'>b</p>", ["a\nb"]),
        ("<ul><li>a<li>b</ul>c", ["a\nb", "c"]),
        ("<table><tr><td>a<td>b<tr><td>c</table>", ["a\nb\nc"]),
        ("<pre>a\nb\n\nc</pre>", ["a\nb", "c"]),
        ("<div style='white-space:pre-wrap'>a\n\nb</div>", ["a", "b"]),
        ("a &lt;b&gt; &amp; c", ["a <b> & c"]),
        ("<b>a</b> <i>b</i>\n c", ["a b c"]),
        ("<head><title>t</title><style>s</style></head><body>a<script>b</script></body>", ["a"]),
        ("a<!-- b --><!--[if mso]>c<![endif]-->", ["a"]),
        ("a<span style='display: none'>b</span><div hidden>c</div>", ["a"]),
        ("<span style='font-size:0px'>a</span><span style='font-size:0.9em'>b</span>", ["b"]),
        ("a</body></html><br><br>b", ["a", "b"]),
        ("", []),
    ],
)  # fmt: skip
def test_html_is_read_as_it_is_seen(source, expected):
    assert texts(read_html(source)) == expected


@pytest.mark.parametrize(
    "signature",
    [
        "<div class='gmail_signature' data-smartmail='gmail_signature'>X</div>",
        "<div dir=ltr class='m_123gmail_signature'>X</div>",
        "<p class=MsoAutoSig>X</p>",
        "<div id=Signature>X</div>",
        "<div id=x_Signature>X</div>",
        "<div id='ms-outlook-mobile-signature'>X</div>",
        "<div id='AppleMailSignature'>X</div>",
        "<div id='lineBreakAtBeginningOfMessage'></div><div id='x_AppleMailSignature'>X</div>",
        "<pre class='moz-signature'>X</pre>",
        "<div class='moz-signature'>X</div>",
        "<p class=MsoNormal><a name='_MailAutoSig'>X</a></p>",
    ],
)
def test_the_signatures_of_mail_clients_are_known(signature):
    letter = read_html(
        f"<div>見送らせていただきます。</div>{signature.replace('X', 'ありがとう。')}"
    )
    assert [part.voice for part in letter.paragraphs] == [Voice.OWN, Voice.SIGNATURE]


@pytest.mark.parametrize(
    "history",
    [
        "<div class='gmail_quote gmail_quote_container'>X</div>",
        "<div class='gmail_attr'>X</div>",
        "<div class='gmail_extra'>X</div>",
        "<div style='border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0 0 0'>X</div>",
        "<div style='border:none; border-top:solid #B5C4DF 1.0pt'>X</div>",
        "<p><a name='_MailOriginal'>X</a></p>",
        "<span id='OLK_SRC_BODY_SECTION'>X</span>",
        "<div class='OutlookMessageHeader'>X</div>",
        "<div id='appendonsend'></div>X",
        "<hr><div id='divRplyFwdMsg'>X</div>",
        "<hr><div id='x_divRplyFwdMsg'>X</div>",
        "<div id='mail-editor-reference-message-container'>X</div>",
        "<blockquote type='cite'>X</blockquote>",
        "<div class='moz-cite-prefix'>2026/01/02 10:00, A wrote:</div><blockquote>X</blockquote>",
        "<div class='moz-forward-container'>X</div>",
        "<div class='yahoo_quoted'>X</div>",
        "<div class='protonmail_quote'>X</div>",
        "<div class='zmail_extra'>X</div>",
        "<div name='quote'>X</div>",
        "<div>-----Original Message-----</div><div>X</div>",
        "<p><b>From:</b> A<br><b>Sent:</b> B<br><b>Subject:</b> C</p><p>X</p>",
    ],
)
def test_the_older_mails_of_mail_clients_are_known(history):
    letter = read_html(f"<div>見送らせていただきます。</div>{history.replace('X', '面接の件。')}")
    assert [part.text for part in letter.own] == ["見送らせていただきます。"]
    assert letter.paragraphs[-1].text.endswith("面接の件。")
    assert letter.paragraphs[-1].voice is Voice.QUOTE


def test_a_letter_written_in_the_attribution_of_thunderbird_is_the_writers():
    cite = "<div class='moz-cite-prefix'>{}</div>"
    source = cite.format("見送ります。") + cite.format("2026/1/2 10:00, 佐藤 wrote:")
    assert [part.text for part in read_html(source).own] == ["見送ります。"]


def test_in_any_language_the_line_above_a_quote_says_whose_it_is():
    said = "<div>Thu, 26 Jun 2026 14:00 +0400 от Taro &lt;taro@gmail.example&gt;:</div>"
    letter = read_html(f"<p>見送ります。</p>{said}<blockquote>面接の件。</blockquote>")
    assert [part.text for part in letter.own] == ["見送ります。"]
