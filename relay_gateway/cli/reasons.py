"""Each reason in a sentence, and what a letter lacked to be taken for a rejection."""

from __future__ import annotations

from collections.abc import Iterator

from relay_gateway.cli.tongue import Said
from relay_gateway.core.judge import Finding, Verdict
from relay_gateway.core.reason import Reason
from relay_gateway.core.rules import Role

SENTENCES = {
    Reason.REJECTION: Said(
        "It is a rejection and gets the company's link.",
        "お祈りメールです。会社の専用リンクを入れます。",
    ),
    Reason.UPGRADED_LINK: Said(
        "The CareerRelay link that stands in it becomes the tracked one.",
        "本文のキャリアリレーのリンクを、計測できるリンクに替えます。",
    ),
    Reason.MONITOR: Said(
        "The company is only watched: it would get the link in mode live.",
        "確認のみ（monitor）の会社です。live ならリンクを入れます。",
    ),
    Reason.NO_REJECTION: Said(
        "Its words do not say that an applicant is turned down.",
        "応募者への不採用の連絡とは読めません。",
    ),
    Reason.PROBABLE: Said(
        "It sounds like a rejection, but no sentence says so clearly.",
        "お祈りメールのようですが、不採用と言い切る文がありません。",
    ),
    Reason.VETO: Said(
        "Something in it speaks against touching it, whatever else it says.",
        "除外ルールに当たる言葉があるため、手を触れません。",
    ),
    Reason.LANGUAGE_OFF: Said(
        "It is a rejection in a language that the company has not switched on.",
        "お祈りメールですが、会社が有効にしていない言語です。",
    ),
    Reason.SEGMENT_OFF: Said(
        "It is a rejection for a kind of hiring that the company has left out.",
        "お祈りメールですが、会社が対象外にしている採用区分です。",
    ),
    Reason.NO_RELAY: Said(
        "HR has exempted it by a marker, which is taken out.",
        "本文の目印により対象外です。目印は取り除きます。",
    ),
    Reason.UNFILLED: Said(
        "A gap of its template has not been filled.",
        "差し込みの済んでいない箇所が残っています。",
    ),
    Reason.LINKED_ALREADY: Said(
        "It carries a tracked link of the company already.",
        "会社の計測リンクがすでに入っています。",
    ),
    Reason.NO_COMPANY: Said(
        "Its sender belongs to no company.", "差出人はどの会社にも属していません。"
    ),
    Reason.NO_PROOF: Said(
        "Nothing shows that the company of its sender has sent it.",
        "差出人の会社が送ったという証拠がありません。",
    ),
    Reason.PAUSED: Said("The company is paused.", "停止中（paused）の会社です。"),
    Reason.NOT_YET: Said(
        "The day on which the company's links begin is still to come.",
        "承認された開始日の前です。",
    ),
    Reason.INTERNAL: Said("It goes to nobody outside the company.", "宛先が社内だけです。"),
    Reason.SEVERAL_RECIPIENTS: Said(
        "It goes to more than one person outside the company.", "社外の宛先が二人以上います。"
    ),
    Reason.AGENCY: Said(
        "It goes to a recruiting agency, not to the candidate.",
        "宛先が応募者ではなく人材紹介会社です。",
    ),
    Reason.SUPPRESSED: Said(
        "Its recipient has asked not to be sent the offer.", "案内を希望しない方が宛先です。"
    ),
    Reason.REGION: Said(
        "It goes to a country where the offer may count as advertising.",
        "案内が広告と見なされうる国が宛先です。",
    ),
    Reason.CARRIER_URL: Said(
        "Its recipient's carrier may refuse it for a URL, and it holds none yet.",
        "URL 付きメールが拒否されうる携帯会社宛で、本文に URL がありません。",
    ),
    Reason.TEST_RECIPIENT: Said(
        "It goes to a test recipient: it gets the link, and is not counted.",
        "試験用の宛先です。リンクは入りますが、数えません。",
    ),
    Reason.OWN_TRACE: Said(
        "The gateway has seen it before and added its link then.",
        "以前に通過し、リンクを入れたメールです。",
    ),
    Reason.LIST: Said("It is a mailing list's.", "メーリングリストのメールです。"),
    Reason.BULK: Said("It is sent in bulk.", "一斉配信のメールです。"),
    Reason.AUTO_REPLY: Said("It is an automatic reply.", "自動返信です。"),
    Reason.DKIM_SIGNED: Said(
        "It is signed with DKIM, and a change would break the signature.",
        "DKIM 署名があり、変更すると署名が壊れます。",
    ),
    Reason.REPORT: Said("It is a report of a mail system.", "メールシステムの通知です。"),
    Reason.CALENDAR: Said("It is an invitation for a calendar.", "予定表の招待です。"),
    Reason.SIGNED: Said(
        "It is signed, and a change would break the signature.",
        "電子署名があり、変更すると署名が壊れます。",
    ),
    Reason.ENCRYPTED: Said("It is encrypted.", "暗号化されています。"),
    Reason.TOO_LARGE: Said(
        "It is too large to be a letter of rejection.", "お祈りメールにしては大きすぎます。"
    ),
    Reason.NO_TEXT: Said("It has no text of the writer's own.", "書き手自身の文章がありません。"),
    Reason.UNREADABLE: Said("It cannot be taken apart safely.", "安全に読み解けません。"),
    Reason.UNFIT: Said(
        "It cannot be changed without touching what is not ours.",
        "ほかの部分に触れずには変更できません。",
    ),
    Reason.VERIFY_FAILED: Said(
        "The changed mail did not pass the proof that only the block is new.",
        "「増えたのは案内文だけ」の検証に通りませんでした。",
    ),
    Reason.OUR_FAULT: Said(
        "The gateway failed on it; please report the mail.",
        "ゲートウェイの不具合です。メールをお知らせください。",
    ),
    Reason.OUT_OF_TIME: Said(
        "The gateway took too long over it.", "判定に時間がかかりすぎました。"
    ),
    Reason.LEDGER_DOWN: Said("The ledger could not be reached.", "台帳に記録できませんでした。"),
}

FORCED = Said(
    "It is taken for a rejection because of --force.",
    "--force のため、お祈りメールとして扱います。",
)

ROLES = {
    Role.DECISION: Said("a sentence that says the decision", "結論を言い切る文"),
    Role.CONTEXT: Said("a sign that it is about a job", "採用の話であるしるし"),
    Role.ADDRESSEE: Said("a sign that its reader is the applicant", "応募者ご本人宛のしるし"),
}
_MORE = Said("{left:g} more of score", "あと {left:g} 点")


def missing(verdict: Verdict | None) -> tuple[Said, ...]:
    """What would have made it a rejection; nothing where it is one or was never read."""
    if verdict is None or verdict.finding is Finding.INSERT:
        return ()
    # Without a decision the rest of the letter is not looked at.
    return tuple(_missing(verdict)) if verdict.hits else (ROLES[Role.DECISION],)


def _missing(verdict: Verdict) -> Iterator[Said]:
    spoken = {hit.role for hit in verdict.hits if not hit.is_shadow}
    yield from (words for role, words in ROLES.items() if role not in spoken)
    left = verdict.threshold - verdict.score
    if left > 0:
        yield Said(_MORE.en.format(left=left), _MORE.ja.format(left=left))
