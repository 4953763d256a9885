"""Other languages than Japanese and English: judged and reported, rewritten only when asked for."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import pytest

from relay_gateway.config import BadConfig, load
from relay_gateway.config.models import DEFAULT_RULES
from relay_gateway.core import normal
from relay_gateway.core.block import Wording, cautions, lint
from relay_gateway.core.decision import decide
from relay_gateway.core.edit import apply
from relay_gateway.core.reason import Reason
from relay_gateway.core.rules import Role
from tests.conftest import ACME, envelope
from tests.mails import mail, part
from tests.rulebook import RULES, shipped

DE = """\
Sehr geehrte Frau Krüger,

vielen Dank für Ihre Bewerbung als Köchin.

Leider müssen wir Ihnen mitteilen, dass wir uns für einen anderen Bewerber
entschieden haben.

Für Ihren weiteren beruflichen Weg wünschen wir Ihnen alles Gute.

Mit freundlichen Grüßen
Monika Petersen
"""
OFFER = ("Unser Partner CareerRelay berät Sie kostenlos, wenn Sie das möchten:", "{link}")
GATEWAY = "listen: {clients: [10.0.0.0/8]}\n"
COMPANY = """\
id: acme
name: Acme
senders: {domains: [acme.example]}
link: https://careerrelay.jp/c/acme
secret: {env: ACME_SECRET}
"""


@pytest.fixture
def german():
    """A company that has switched German on and has written its own words."""
    wordings = MappingProxyType({**ACME.wordings, "de": Wording(OFFER)})
    return replace(ACME, languages=("ja", "de"), wordings=wordings)


def settings(folder, company):
    (folder / "companies").mkdir()
    (folder / "gateway.yaml").write_text(GATEWAY, "utf-8")
    (folder / "companies/acme.yaml").write_text(COMPANY + company, "utf-8")
    return load(folder / "gateway.yaml", {"ACME_SECRET": "x" * 40})


def test_all_that_is_shipped_is_looked_for_by_default():
    assert set(DEFAULT_RULES) == {path.stem for path in RULES.glob("*.yaml")}


def test_a_rejection_in_a_language_that_is_off_is_judged_and_left(policy):
    decision = decide(envelope(), mail(part(DE)), policy)
    assert (decision.reason, decision.edits) == (Reason.LANGUAGE_OFF, ())
    assert (decision.verdict.language, decision.verdict.is_rejection) == ("de", True)


@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-1", "windows-1252", "iso-8859-15"])
def test_a_company_that_switches_german_on_has_its_own_words_put_before_the_wish(
    policy, german, charset
):
    raw = mail(part(DE, charset=charset))
    decision = decide(envelope(), raw, replace(policy, tenants=(german,)))
    sent = apply(raw, decision.edits).decode(charset)
    assert decision.reason is Reason.REJECTION
    said, offer, wish = (sent.index(words) for words in ("entschieden", OFFER[0], "Für Ihren"))
    assert said < offer < wish


def test_a_language_without_own_words_stops_the_start_and_says_what_to_write(tmp_path):
    with pytest.raises(BadConfig) as refusal:
        settings(tmp_path, "languages: [ja, de]\n")
    (fault,) = refusal.value.faults
    place, said = str(fault).rsplit("acme.yaml:", 1)[1].split(": ", 1)
    assert place == "6:17"
    assert said == "no block is shipped in de; write your own under block: de:"


def test_own_words_switch_a_language_on(tmp_path):
    words = "\n    ".join(OFFER)
    config = settings(tmp_path, f"languages: [ja, de]\nblock:\n  de: |\n    {words}\n")
    (tenant,) = config.policy.tenants
    assert tenant.wordings["de"].lines == OFFER


@pytest.mark.parametrize(
    ("language", "line", "found"),
    [
        ("de", "Holen Sie sich sofort Ihren Gutschein:", ["gutschein", "sofort"]),
        ("fr", "Un cadeau et un emploi garanti :", ["cadeau", "garanti"]),
        ("es", "Un regalo para su excelente perfil:", ["regalo", "excelente"]),
        ("pt", "Agora mesmo, com um brinde:", ["brinde", "agora mesmo"]),
        ("zh", "立即领取红包,保证找到工作:", ["红包", "立即", "保证"]),
        ("ko", "지금 바로 상품권을 받으세요:", ["상품권", "지금 바로"]),
    ],
)
def test_gifts_pressure_praise_and_promises_are_refused_in_each_language(language, line, found):
    told = lint(Wording((line, "{link}")), language)
    assert [one.split("\u201c")[1].split("\u201d")[0] for one in told] == found


def test_a_quiet_offer_may_go_out():
    assert lint(Wording(OFFER), "de") == ()


@pytest.mark.parametrize(
    ("language", "text", "charset"),
    [
        ("zh", "职业", "big5"),
        ("zh", "職業\U00020bb7", "gb2312"),
        ("ko", "경력 résumé", "euc-kr"),
        ("de", "Beratung → hier", "iso-8859-1"),
    ],
)
def test_signs_that_mails_of_the_language_may_lack_are_told(language, text, charset):
    assert any(
        one.endswith(f"mails in {charset} cannot hold it") for one in cautions(text, language)
    )


def test_umlauts_and_accents_are_the_same_written_out_or_left_out():
    assert normal.normalise("Für Größe, Élève, não, señor") == normal.normalise(
        "Fuer Groesse, Eleve, nao, senor"
    )


def test_a_german_date_ends_no_sentence():
    text = normal.normalise("Falls Sie bis zum 30. nichts hören, gilt das als Absage. Danke.")
    assert len(normal.sentences(text)) == 2


@pytest.mark.parametrize("language", ["zh", "ko", "de", "fr", "es", "pt"])
def test_each_language_has_rules_of_every_role_with_examples(language):
    pack = next(pack for pack in shipped().packs if pack.language == language)
    assert {rule.role for rule in pack.rules} == set(Role)
    assert [rule.name for rule in pack.rules if not (rule.matches and rule.spares)] == []
