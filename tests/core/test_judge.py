"""Which letters turn an applicant down, and which only sound like it."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay_gateway.core.judge import SUBJECT, Finding, Verdict, judge
from relay_gateway.core.letter import Letter, Paragraph, Voice
from relay_gateway.core.rules import Pack, Role, Rule, State, build
from tests.rulebook import shipped


def letter(*texts: str | tuple[str, Voice]) -> Letter:
    given = [(text, Voice.OWN) if isinstance(text, str) else text for text in texts]
    return Letter("", False, tuple(Paragraph(text, 0, 0, voice) for text, voice in given))


def verdict(text: str, subject: str = "") -> Verdict:
    return judge(subject, letter(*text.split("\n\n")), shipped())


HELLO = "山田太郎 様\n\nこの度は弊社の求人にご応募いただき、誠にありがとうございました。\n\n"
REJECTION = HELLO + (
    "慎重に検討いたしました結果、誠に残念ながら今回は採用を見送らせていただくこととなりました。\n\n"
    "末筆ながら、山田様の今後のご活躍を心よりお祈り申し上げます。"
)
ENGLISH = (
    "Dear Kim,\n\nThank you for applying for the analyst role at Acme. "
    "Unfortunately, we have decided not to move forward with your application.\n\n"
    "We wish you the best of luck in your search."
)


def test_the_verdict_is_the_explanation() -> None:
    found = verdict(REJECTION, "選考結果のご連絡")
    assert (found.finding, found.reason, found.language) == (Finding.INSERT, "rejection", "ja")
    assert found.score >= found.threshold
    assert found.is_rejection
    (decision,) = (hit for hit in found.hits if hit.rule == "hiring-passed-over")
    assert (decision.paragraph, decision.role) == (2, Role.DECISION)
    assert "採用を見送ら" in decision.words
    assert decision.sentence.endswith("なりました。")
    assert SUBJECT in {hit.paragraph for hit in found.hits}


def test_the_language_that_says_it_most_clearly_judges() -> None:
    assert verdict(ENGLISH).language == "en"
    assert verdict(ENGLISH).finding is Finding.INSERT


# What has to be found: own words for each way of saying it.
DECISIONS = [
    "厳正なる選考の結果、誠に残念ながら今回は貴意に添いかねることとなりました。",
    "今回は採用を見送らせていただくこととなりました。",
    "ご希望に沿えない結果となりました。",
    "慎重に検討を重ねましたが採用には至りませんでした。",
    "今回はご縁がなかったものとしてご了承ください。",
    "書類選考の結果、今回はお見送りとなりました。なお応募書類は当社にて破棄いたします。",
    "第一希望の職種につきまして不合格となりました。",
    "採用試験の結果、不採用と決定いたしました。",
    "誠に申し訳ございませんが、採用いたしかねる結果となりました。",
    "次の選考にお進みいただくことができない結果となりました。",
    "残念ながら一緒に働くことは難しいという結論になりました。",
    "検討の結果、今回は他の応募者の方に決まりました。",
    "御期待に副えず、誠に遺憾に存じます。",
    "貴意にそえぬ結果となりましたことをお知らせいたします。",
    "書類選考を通過となりませんでしたことをお知らせいたします。",
]


@pytest.mark.parametrize("decision", DECISIONS)
def test_a_decision_to_an_applicant_is_a_rejection(decision: str) -> None:
    found = verdict(HELLO + decision)
    assert found.finding is Finding.INSERT, (found.reason, found.vetoes)


ENGLISH_DECISIONS = [
    "We have decided to move forward with other candidates.",
    "After careful review, your application has been unsuccessful on this occasion.",
    "I regret to inform you that you have not been selected for interview.",
    "Unfortunately we’re unable to offer you the position.",
    "We won't be progressing your application.",
    "Your skills do not match our current needs.",
    "The vacancy has now been filled, I'm sorry to say.",
    "You have not been shortlisted.",
]


@pytest.mark.parametrize("decision", ENGLISH_DECISIONS)
def test_a_decision_in_english_is_a_rejection(decision: str) -> None:
    found = verdict("Dear Kim,\n\nThank you for your interest in the analyst role.\n\n" + decision)
    assert found.finding is Finding.INSERT, (found.reason, found.vetoes)


# Genuine rejections that hold words of the look-alikes.
SURVIVORS = [
    "面接にお越しいただきましたが、今回は採用を見送らせていただきます。",
    "誠に残念ながら、内定には至りませんでした。",
    "書類選考は通過されましたが、面接の結果、ご期待に添えないこととなりました。",
    "ご連絡が遅くなりましたことをお詫び申し上げます。今回は採用を見送らせていただきます。",
    "長らく保留としておりましたが、今回は採用を見送らせていただきます。",
    "日程をご調整いただきましたが、採用には至りませんでした。",
    "採用には至りませんでした。別の職種でのご応募もお待ちしております。",
    "採用には至りませんでした。またの機会がございましたら、ぜひご応募ください。",
    "応募者多数のため抽選とし、インターンシップへのご参加を見送らせていただきます。",
    "今回はご期待に添えない結果となりました。マイページは今月末で閉鎖いたします。",
    "採用には至りませんでした。他社様でのご内定をお祈りしております。",
    "ご辞退の方もなく、誠に残念ながら採用には至りませんでした。",
    "採用には至りませんでした。当社サービスは引き続きご利用いただけます。",
    "契約社員の選考につきまして、今回は見送らせていただきます。",
    "採用には至りませんでした。貴社の今後のご活躍をお祈り申し上げます。",
    "採用には至りませんでした。選考結果の理由についてのお問い合わせにはお答えいたしかねます。",
]


@pytest.mark.parametrize("text", SURVIVORS)
def test_a_rejection_with_the_words_of_a_look_alike_is_still_one(text: str) -> None:
    found = verdict(HELLO + text, "Re: 面接日程のご相談")
    assert found.finding is Finding.INSERT, (found.reason, found.vetoes)


# What only looks alike; the numbers are those of the domain's list.
LOOK_ALIKES = {
    "pass": HELLO + "厳正なる選考の結果、ぜひ一次面接にお越しいただきたくご連絡いたしました。",
    "offer": HELLO + "慎重に検討した結果、山田様を採用させていただくことに決定いたしました。",
    "withdrawal accepted": "山田様\n\n内定ご辞退の件、誠に残念ではございますが承知いたしました。"
    "今後のご活躍をお祈り申し上げます。",
    "applicant withdraws": "採用ご担当者様\n\n慎重に検討した結果、今回の選考を辞退させていただき"
    "たく存じます。貴社の益々のご発展をお祈り申し上げます。",
    "proposal": "営業部 佐藤様\n\nご提案の採用は今回見送らせていただきます。",
    "quotation": "佐藤様\n\nお見積もりをいただきましたが、"
    "ご期待に添えず発注を見送らせていただきます。",
    "adoption": "佐藤様\n\nいただいた改善案の採用は見送らせていただくこととなりました。",
    "tenancy": "佐藤様\n\n入居審査の結果、今回はご希望に添いかねることとなりました。",
    "raffle": "佐藤様\n\nご応募ありがとうございました。厳正なる抽選の結果、"
    "残念ながら落選となりました。",
    "prize": "佐藤様\n\nコンクールにご応募いただきましたが、惜しくも受賞には至りませんでした。",
    "paper": "佐藤様\n\nご投稿論文は査読の結果、不採択となりました。",
    "school": "佐藤様\n\n大学院の入学選考の結果、不合格となりました。",
    "farewell": "佐藤様\n\nこのたび退職することとなりました。皆様のご活躍をお祈り申し上げます。",
    "reserve": HELLO + "現時点では採用に至りませんが、補欠として登録させていただきます。",
    "delay": HELLO
    + "選考結果のご連絡まで、今しばらくお待ちください。ご希望に添えず申し訳ございません。",
    "date": HELLO + "面接日程のご希望に沿えず申し訳ございません。",
    "closing": "応募者の皆様\n\n求人の掲載につきまして、"
    "定員に達しましたので募集を終了いたしました。",
    "other position": HELLO
    + "今回の職種では見送りとなりました。別の職種でご検討いただけないでしょうか。",
    "second choice": HELLO + "第一希望は見送りとなりましたが、第二希望で選考を継続いたします。",
    "second try": HELLO
    + "一次試験は不合格となりました。追加選考を希望される方はお申し込みください。",
    "receipt": HELLO + "一週間以内にご連絡がない場合は、ご希望に添えなかったものとご了承ください。",
    "only those who pass": HELLO
    + "通過された方にのみご連絡し、不採用の方への連絡は控えております。",
    "portal": HELLO + "選考結果をマイページに掲載いたしました。",
    "in-house": "田中さん お疲れ様です。\n\n山田様は面接の結果、不採用でお願いします。",
    "agent": "株式会社三角エージェント 佐藤様\n\nご推薦いただきました山田様に"
    "つきまして、面接の結果、今回は採用を見送らせていただきます。",
    "complaint": HELLO
    + "不採用の理由に関するお問い合わせをいただきました。面接の結果、不採用となりました。",
    "apology": HELLO + "不採用通知を誤ってお送りいたしました。深くお詫び申し上げます。"
    "不採用とさせていただいたものではございません。",
    "probation": "山田様\n\n試用期間満了をもって本採用は見送らせていただきます。"
    "入社以来ありがとうございました。",
    "offer withdrawn": HELLO + "内定を取り消させていただき、採用を見送らせていただきます。",
    "renewal": "山田様\n\n契約の更新は見送らせていただきます。"
    "面談のお時間をいただきありがとうございました。",
    "cat": "山田様\n\n保護猫の譲渡にご応募いただきましたが、"
    "今回はご縁がなかったものとご理解ください。",
    "no-show": HELLO + "ご連絡が取れず、選考をこれにて終了とさせていただきます。",
    "placeholder": "{{name}} 様\n\nこの度はご応募いただきましたが、採用を見送らせていただきます。",
    "on behalf": HELLO + "企業様より、今回は採用を見送らせていただきますとのご連絡がございました。",
    "fraud": HELLO
    + "採用担当を騙り、採用を見送らせていただくと告げる不審なメールにご注意ください。",
    "question": HELLO + "今回は採用を見送らせていただくことでよろしいでしょうか。",
    "not a rejection": HELLO + "先日のご連絡は不採用ではございません。",
    "last year": HELLO + "昨年はご期待に添えませんでしたが、再びご応募いただきうれしく存じます。",
    "vendor in English": "Dear Kim,\n\nThank you for your proposal. We have decided not to "
    "proceed.",
    "receipt in English": "Dear Kim,\n\nThank you for applying for the analyst role. "
    "If you are not selected for an interview, we will not be moving your application forward.",
    "invitation": "Dear Kim,\n\nThank you for applying. We would like to invite you to an "
    "interview for the analyst role, as we have decided not to move forward with other candidates.",
    "applicant writes": "Hello,\n\nThank you for letting me know that I was not selected for the "
    "role.",
    "grant": "Dear Kim,\n\nWe regret to inform you that your grant application was not selected.",
    "referral": "Dear Kim,\n\nWe will not be moving forward with the candidate you referred for "
    "the role.",
    "error": "Dear Kim,\n\nThe rejection for the analyst role was sent to you in error. Your "
    "application has not been declined.",
    "outage": "Dear customers,\n\nWe regret to inform you that the mail service is down.",
}


@pytest.mark.parametrize("text", LOOK_ALIKES.values(), ids=LOOK_ALIKES.keys())
def test_a_look_alike_is_left_alone(text: str) -> None:
    found = verdict(text, "選考結果のご連絡")
    assert found.finding is Finding.LEAVE, [(hit.rule, hit.words) for hit in found.hits]


def test_a_subject_never_decides() -> None:
    assert not verdict(HELLO + "マイページをご確認ください。", "不採用通知").is_rejection


def test_a_forwarded_rejection_is_left_alone() -> None:
    assert verdict(REJECTION, "FW: 選考結果のご連絡").reason == "veto"


@pytest.mark.parametrize(
    "text",
    [
        HELLO
        + "誠に残念ながら、このたびのご応募につきましてご連絡を差し上げることとなりました。\n\n"
        "山田様の今後のご活躍を心よりお祈り申し上げます。",
        "Dear Kim,\n\nThank you for your interest in the analyst role. Unfortunately the team had "
        "many strong applicants.\n\nWe wish you the best of luck in your search.",
    ],
)
def test_a_letter_that_only_hints_is_probable(text: str) -> None:
    assert (verdict(text).finding, verdict(text).reason) == (Finding.PROBABLE, "probable")


def test_a_receipt_that_speaks_of_refusals_is_not_even_probable() -> None:
    text = "残念ながらご希望に添えない場合もございます。\n\n今後のご活躍をお祈り申し上げます。"
    assert verdict(HELLO + text).reason == "no_decision"


@pytest.mark.parametrize("voice", [Voice.QUOTE, Voice.SIGNATURE])
def test_only_the_writers_new_words_are_judged(voice: Voice) -> None:
    old = letter("ご連絡ありがとうございます。", (REJECTION, voice))
    assert judge("選考結果のご連絡", old, shipped()).reason == "no_decision"


def test_an_article_is_no_letter() -> None:
    assert verdict(REJECTION + "\n\n" + "あ" * 20_000).reason == "too_long"


def pack(*rules: Rule, language: str = "ja", threshold: float = 3) -> Pack:
    return Pack(language, threshold, rules)


def rule(says: str, role: Role, weight: float = 1, **given: Any) -> Rule:
    return Rule(
        given.pop("name", says),
        given.pop("language", "ja"),
        role,
        says=(says,),
        weight=weight,
        **given,
    )


DECIDES = rule("断る", Role.DECISION)
IS_HIRING = rule("面接", Role.CONTEXT)
IS_READER = rule("貴殿", Role.ADDRESSEE)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("面接。貴殿。断る。", "rejection"),
        ("面接。貴殿。", "no_decision"),
        ("貴殿。断る。", "no_context"),
        ("面接。断る。", "no_addressee"),
        ("面接。貴殿。断る。断る。", "rejection"),
        ("面接。貴殿。もし断る。", "no_decision"),
        ("面接。貴殿。もし断る。断る。", "rejection"),
        ("面接。貴殿。断る。訂正。", "veto"),
    ],
)
def test_reasons(text: str, reason: str) -> None:
    guard, veto = rule("もし", Role.GUARD, 0), rule("訂正", Role.VETO, 0)
    rules = build([pack(DECIDES, IS_HIRING, IS_READER, guard, veto)])
    assert judge("", letter(text), rules).reason == reason


def test_each_rule_counts_once() -> None:
    rules = build([pack(DECIDES, IS_HIRING, IS_READER, threshold=4)])
    found = judge("", letter("断る。断る。面接。面接。貴殿。"), rules)
    assert (found.score, found.reason) == (3, "below_threshold")


def test_a_veto_of_any_language_counts() -> None:
    english = pack(rule("void", Role.VETO, 0, language="en"), language="en")
    rules = build([pack(DECIDES, IS_HIRING, IS_READER), english])
    assert judge("", letter("面接。貴殿。断る。Void."), rules).vetoes == ("void",)


def test_a_japanese_sentence_is_not_vetoed_by_what_its_words_mean_elsewhere() -> None:
    assert verdict(REJECTION + "\n\nStudio Card の採用担当です。").is_rejection
    assert "another-trade" in verdict(REJECTION + "\n\nYour card is ready.").vetoes


def test_a_shadow_rule_is_reported_and_has_no_effect() -> None:
    shadow = rule("訂正", Role.VETO, 0, state=State.SHADOW)
    guard = rule("もし", Role.GUARD, 0, state=State.SHADOW)
    rules = build([pack(DECIDES, IS_HIRING, IS_READER, shadow, guard)])
    found = judge("", letter("面接。貴殿。もし断る。訂正。"), rules)
    assert found.is_rejection
    assert {hit.rule for hit in found.hits if hit.is_shadow} == {"訂正", "もし"}


def test_no_rules_find_nothing() -> None:
    assert judge("", letter(REJECTION), build([])).finding is Finding.LEAVE


@given(st.integers(8, 40), st.sampled_from(["\n", "\r\n", "\n　", " \n "]))
def test_wrapping_a_rejection_anew_keeps_it(width: int, end: str) -> None:
    wrapped = "\n\n".join(
        end.join(text[at : at + width] for at in range(0, len(text), width))
        for text in REJECTION.split("\n\n")
    )
    assert verdict(wrapped).is_rejection


@given(st.randoms(use_true_random=False), st.sampled_from("\u3000\u00a0\u200b\ufeff\u00ad "))
def test_blanks_that_nobody_sees_change_nothing(dice: random.Random, blank: str) -> None:
    text = "".join(char + (blank if dice.random() < 0.2 else "") for char in REJECTION)
    assert verdict(text).is_rejection


@given(
    st.sampled_from(DECISIONS),
    st.sampled_from(["万が一、{}", "「{}」とのご連絡をいただきました。"]),
)
def test_a_decision_that_is_conditional_or_quoted_is_taken_back(decision: str, frame: str) -> None:
    only = decision.split("。", maxsplit=1)[0]
    assert not verdict(HELLO + frame.format(only) + "。").is_rejection


@given(st.sampled_from(DECISIONS + ENGLISH_DECISIONS))
def test_a_decision_in_history_is_nobodys_word_now(decision: str) -> None:
    quoted = letter("ご応募いただきありがとうございます。", (HELLO + decision, Voice.QUOTE))
    assert not judge("Re: 選考結果", quoted, shipped()).is_rejection
