"""What is said of people, credits and months, in both languages."""

from __future__ import annotations

from relay_gateway.cli.tongue import Said
from relay_gateway.core.credit import Basis, Kind
from relay_gateway.core.funnel import Label

COMPANY = Said("company", "会社")
NAME = Said("name", "社名")
PEOPLE = Said("people", "人数")
TOWARDS = Said("towards the next", "次の枠まで")
EARNED = Said("earned", "付与")
USED = Said("used", "利用")
LEFT = Said("left", "残り")
LAST = Said("last earned", "最終付与日")
COUNTED = Said("counted", "集計")

BASES = {
    Basis.DELIVERED: Said("ご案内ベース (delivered)", "ご案内ベース (delivered)"),
    Basis.REGISTERED: Said("ご登録ベース (registered)", "ご登録ベース (registered)"),
}
BASES_IN_WORDS = {
    Basis.DELIVERED: Said(
        "By offers (ご案内ベース): a person counts when the next mail server has accepted the mail"
        " with the link.",
        "ご案内ベース：案内を入れたメールを次のメールサーバーが受領した時点で1名と数えます。",
    ),
    Basis.REGISTERED: Said(
        "By registrations (ご登録ベース): a person counts when CareerRelay reports that the person"
        " has registered.",
        "ご登録ベース：キャリアリレーからご登録の連絡があった時点で1名と数えます。",
    ),
}
TERMS_IN_WORDS = Said(
    "{people} people earn {grant}. The same person counts once in {days} days.",
    "{people}名ごとに{grant}枠を付与します。同じ方は{days}日に1回だけ数えます。",
)

REASONS = {
    "duplicate": Said("duplicate", "重複"),
    "bounced": Said("bounced", "不達"),
    "internal": Said("internal", "社内"),
    "test": Said("test", "試験"),
    "agency": Said("agency", "紹介会社"),
    "burst": Said("burst", "大量誤送信"),
    "optout": Said("opted out", "ご辞退"),
    "manual": Said("by hand", "手動"),
    "link_dead": Said("dead link", "リンク切れ"),
    "fraud": Said("fraud", "不正"),
    "recalled": Said("recalled", "撤回"),
    "unconfirmed": Said("not confirmed", "送信未確認"),
    "unregistered": Said("not registered yet", "未登録"),
}
LABELS = {
    Label.MEASURED: Said("measured", "実測"),
    Label.REPORTED: Said("reported by CareerRelay", "キャリアリレーからの報告"),
    Label.ESTIMATED: Said("estimated", "推定"),
}
STEPS = {
    "offered": Said("offered", "ご案内の作成"),
    "delivered": Said("delivered", "ご案内（送信済み）"),
    "settled": Said("settled (no bounce)", "到達（不達の連絡なし）"),
    "clicked": Said("opened by people", "リンクの閲覧（人）"),
    "machines": Said("opened by machines only", "リンクの閲覧（機械のみ）"),
    "registered": Said("registered", "ご登録"),
}
ENTRIES = {
    Kind.REDEEMED: Said("used", "利用"),
    Kind.ADJUSTED: Said("adjusted", "調整"),
}

# credits
UNCOUNTED = Said("{company}: not counted: {reasons}.", "{company}：集計対象外 {reasons}。")
DEFICIT = Said(
    "{company}: 調整 −{deficit}: people were voided after they had earned; the next people make up"
    " for them.",
    "{company}：調整 −{deficit}（付与後に取り消された人数。次の枠で調整します）。",
)
KEPT = Said(
    "{company}: {kept} voided after they had earned; what they earned stays.",
    "{company}：付与後の取り消し {kept}名（付与済みの枠はそのまま）。",
)
PENDING = Said(
    "{company}: {pending} wait until no bounce is to be expected, and earn then.",
    "{company}：{pending}名は到達の確定待ちです。",
)
HALTED = Said(
    "{company}: stopped by the burst guard since {at}{why}: mails go on unchanged and uncounted."
    " Look at the log; then let it go on with relay-gateway resume {company} --by NAME.",
    "{company}：大量送信の検知により {at} から停止中です{why}。メールはそのまま送信され、"
    "案内も集計も行いません。ログを確認のうえ relay-gateway resume {company} --by 氏名 で"
    "再開してください。",
)
HALTED_BY = Said(" (rule {rule})", "（ルール {rule}）")

# statement
TITLE = Said("Statement {month}: {name}", "{month} ご利用明細 {name} 様")
PERIOD = Said("period", "対象期間")
UNFINISHED = Said("The period is not over; this is how it stands now.", "期間の途中経過です。")
BASIS = Said("counting", "集計の基準")
HELPED = Said("people shown the way this month", "今月ご案内した方")
HELPED_VALUE = Said("{n}", "{n}名")
FUNNEL = Said("This month", "今月の推移")
BEGAN = Said("people who began to count", "新たに数えた人数")
ENDED = Said("people voided", "取り消した人数")
UNCOUNTED_TITLE = Said("Not counted, by reason", "集計対象外（理由別）")
ACCOUNT = Said("Account at the end of the period", "期末の状況")
CUMULATIVE = Said("people, cumulative", "累計人数")
EARNED_NOW = Said("credits earned this month", "今月付与した枠")
USED_NOW = Said("credits used this month", "今月利用した枠")
EARNED_ALL = Said("credits earned", "付与した枠（累計）")
REVOKED_ALL = Said("credits taken back", "取り消した枠（累計）")
ADJUSTED_ALL = Said("credits adjusted", "調整した枠（累計）")
EXPIRED_ALL = Said("credits expired", "失効した枠（累計）")
USED_ALL = Said("credits used", "利用した枠（累計）")
LEFT_ALL = Said("credits left", "残りの枠")
DEFICIT_ALL = Said("people to be made up for (調整)", "調整（次の枠で差し引く人数）")
VALUE = Said("estimated value of the credits earned", "付与した枠の目安額")
YEN = Said("JPY {yen:,}", "{yen:,}円")
VALUE_NOTE = Said(
    "estimated: by JPY {each:,} a credit, entered by the company",
    "推定：1枠 {each:,}円（貴社のご入力）で計算",
)
GRANTS = Said("Credits earned in the period", "期間中の付与")
GRANT = Said("credit", "無料枠")
GRANT_REVOKED = Said("taken back {at}", "{at} 取り消し")
BY_HAND = Said("Entries by hand", "手動の記録")
ENTRY_NOTE = Said("{at}, by {by}{why}", "{at}、担当 {by}{why}")
PROOF = Said("Proof", "証跡")
RULESETS = Said("rules in force", "適用したルール")
DIGEST = Said("ledger digest", "台帳ダイジェスト")
DIGEST_NOTE = Said(
    "Head of the hash chain after {entries} events, when this was printed. Who holds the same"
    " events in the same order reads the same.",
    "出力時点の {entries} 件のハッシュチェーンの先頭。同じ台帳であれば同じ値になります。",
)
COVERAGE = Said("coverage", "対象範囲")
COVERAGE_NOTE = Said(
    "Only mail that passes the gateway is seen. Visits and registrations say nothing about the"
    " outcome of anyone's application.",
    "ゲートウェイを通過したメールのみが対象です。選考の内容は記録していません。",
)
ITEM = Said("item", "項目")
VALUE_COLUMN = Said("value", "値")
NOTE = Said("note", "備考")
SECTION = Said("section", "区分")

# reconcile
RECONCILED = {
    "matched": Said("matched", "一致"),
    "only_here": Said("only here", "当方のみ"),
    "only_there": Said("only there", "先方のみ"),
    "duplicate": Said("duplicate", "重複"),
    "voided_later": Said("voided later", "登録後に取り消し"),
}
WHAT = Said("what", "区分")
COUNT = Said("count", "件数")
TOKENS = Said("tokens", "トークン")
NO_DIFFERENCE = Said("There is no difference.", "差異はありません。")
