"""What kind of hiring a letter speaks of: said plainly, or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay_gateway.core.segment import Segment, segment, segments

LETTERS = {
    Segment.MID_CAREER: [
        "このたびは弊社の生産管理職（中途採用）にご応募いただき、誠にありがとうございました。",
        "アクメ製薬 キャリア採用担当でございます。",
        "経験者採用の選考にご参加いただきありがとうございました。",
        "第二新卒の方を対象とした選考にご応募いただき、ありがとうございました。",
        "ご提出いただいた職務経歴書を拝見し、社内で慎重に検討いたしました。",
        "どうぞご自身の転職活動をお進めください。",
        "よりよい転職先とめぐり会われますことを願っております。",
        "このたびは当社のキャリア入社選考にお申し込みいただきありがとうございます。",
        "中途の求人にご応募いただきありがとうございました。",
        "即戦力となる方を求めての募集であったため、今回は見送らせていただきます。",
        "中途入社の枠に限りがあり、採用を見送らせていただくこととなりました。",
        "御職歴と職務経歴\n書を拝見いたしました。",
        "社会人採用の選考結果をお知らせいたします。",
        "新卒採用のご経験をお持ちの方からの中途採用へのご応募でした。",
        "今後のご転職のご成功をお祈り申し上げます。",
        "アルバイトのご経験も拝見しましたが、キャリア採用の基準により見送りといたします。",
        "中途社員の募集に関する選考結果（中途採用選考）をご連絡いたします。",
        "中途募集のポジションにつきまして、採用を見送らせていただきます。",
        "Thank you for your interest in our mid-career hiring.",
        "We had a great number of experienced hires to choose from.",
    ],
    Segment.NEW_GRADUATE: [
        "このたびは弊社の新卒採用試験にご応募いただき、ありがとうございました。",
        "2027年卒の皆様の選考結果をお知らせいたします。",
        "27卒採用チームでございます。",
        "２０２７年３月卒の選考にご参加いただき、ありがとうございました。",
        "新規学卒者の採用選考の結果をお知らせいたします。",
        "貴殿が充実した学生生活を送られますことをお祈り申し上げます。",
        "学生の皆様から多数のご応募をいただきました。",
        "卒業見込証明書をお返しいたします。",
        "新卒の方を対象とした選考にご応募いただきありがとうございました。",
        "新卒者向け募集の選考結果につきましてご連絡いたします。",
        "新卒選考の結果、今回は採用を見送らせていただくこととなりました。",
        "2027年春入社予定の方の選考につきまして、ご連絡いたします。",
        "2027年度卒の選考は終了いたしました。",
        "アルバイトのご経験も伺いましたが、新卒採用の選考は見送りとなりました。",
        "新卒の応募者が多く、今回は見送らせていただきます。",
        "Thank you for applying to our graduate scheme.",
        "We wish you every success with your studies.",
    ],
    Segment.INTERNSHIP: [
        "夏季インターンシップへのご参加を見送らせていただくこととなりました。",
        "インターン選考の結果、今回はご希望に沿えない結果となりました。",
        "インターンシップに多数のご応募をいただきました。",
        "You were not selected for the summer internship.",
    ],
    Segment.TEMPORARY: [
        "派遣社員の募集にご応募いただき、ありがとうございました。",
        "先日は職場見学にお越しいただき、ありがとうございました。",
        "紹介予定派遣の選考結果をお知らせいたします。",
        "We have no temporary assignments for you at the moment.",
    ],
    Segment.PART_TIME: [
        "先日はアルバイトのご応募、ご面接ありがとうございました。",
        "パート募集の件、今回は見送らせていただきます。",
        "アルバイトの件ですが、他の方に決まりました。",
        "パートの件、家の近い方にお願いすることになりました。",
        "パート・アルバイト採用の結果をお知らせいたします。",
        "アルバイト・パートの選考結果をご連絡いたします。",
        "ﾊﾟｰﾄ社員の選考結果のご連絡です。",
        "パートタイム職員の選考結果をお知らせいたします。",
        "パートタイマーとしてのご応募、ありがとうございました。",
        "アルバイトスタッフの募集にご応募いただきありがとうございました。",
        "パートさんの募集は締め切らせていただきました。",
        "アルバ\nイト採用につきまして、今回は見送らせていただきます。",
        "パートスタッフへのご応募ありがとうございました。",
        "アルバイト枠が埋まりましたため、採用を見送らせていただきます。",
        "パートの面接にお越しいただきありがとうございました。",
        "パート従業員募集にご応募いただきありがとうございました。",
        "アルバイトのお仕事は、他の方にお願いすることとなりました。",
        "アルバイト求人へのご応募ありがとうございました。",
        "パートの求人は充足いたしました。",
        "Thank you for applying for the part-time position at our shop.",
        "We have filled the casual role.",
    ],
    Segment.ANY: [
        "",
        "慎重に選考を進めました結果、今回は採用を見送らせていただくこととなりました。",
        "今後のキャリアのご発展をお祈り申し上げます。",
        "ビジネスパートナーの皆様とともに歩んでまいります。",
        "新規営業・代理店パートナー様も募集しております。",
        "アパート経営の営業職にご応募いただきありがとうございました。",
        "デパート採用の選考結果をお知らせいたします。",
        "エキスパート採用の選考結果をお知らせいたします。",
        "アルバイトのご経験について伺いました。",
        "アルバイト職歴についてもお聞かせいただきました。",
        "新卒で入社された会社でのご経験を拝見しました。",
        "新卒採用のご経験をお持ちの方を求めておりました。",
        "新卒採用担当のご経験を拝見しました。",
        "中途半端なご連絡となりましたことをお詫び申し上げます。",
        "途中採用を取りやめることとなりました。",
        "インターンシップのご経験を伺いました。",
        "派遣社員の管理のご経験を伺いました。",
        "弊社の人材派遣事業についてご説明いたしました。",
        "アルバイト採用のご経験を拝見しました。",
        "新卒・中途採用を問わず、新卒採用にもご応募いただけます。",
        "学生アルバイト採用と新卒採用の選考結果をご連絡いたします。",
        "1927年創業の会社です。",
        "スタッフ27名が卒なく進めてまいります。",
        "卒業証明書をお返しいたします。",
        "就職活動のご成功をお祈り申し上げます。",
        "契約社員の選考結果をお知らせいたします。",
        "We have decided not to move forward with your application.",
        "You have a graduate degree, and an international career.",
        "She studied part-time while working.",
        "The internal team was impressed by nobody in particular.",
    ],
}


def kind_of(subject, paragraphs):
    return segment(segments(subject, paragraphs))


@pytest.mark.parametrize(
    ("words", "kind"), [(words, kind) for kind, letters in LETTERS.items() for words in letters]
)
def test_a_letter_is_of_the_kind_it_names(words, kind):
    assert kind_of("", (words,)) is kind


@pytest.mark.parametrize("kind", Segment)
def test_the_subject_speaks_as_well(kind):
    subjects = {
        Segment.ANY: "選考結果のご連絡",
        Segment.MID_CAREER: "【中途採用】選考結果のご連絡",
        Segment.NEW_GRADUATE: "[2027卒] 選考結果のご連絡",
        Segment.INTERNSHIP: "【夏季インターン】インターン選考の結果",
        Segment.PART_TIME: "アルバイト採用の結果について",
        Segment.TEMPORARY: "派遣社員の選考結果について",
    }
    assert kind_of(subjects[kind], ("今回は見送らせていただきます。",)) is kind


@pytest.mark.parametrize("one", [kind for kind in Segment if kind is not Segment.ANY])
@pytest.mark.parametrize("other", [kind for kind in Segment if kind is not Segment.ANY])
def test_a_letter_that_names_two_kinds_names_none(one, other):
    found = kind_of(LETTERS[one][0], (LETTERS[other][0],))
    assert found is (one if one is other else Segment.ANY)


@given(st.text(), st.lists(st.text()))
def test_any_text_is_of_some_kind(subject, paragraphs):
    assert segments(subject, paragraphs) <= set(Segment)
    assert kind_of(subject, paragraphs) in Segment
