"""Every word that the commands say in two languages, both beside each other.

Messages about wrong files and wrong command lines are English alone, and so is JSON.
"""

from __future__ import annotations

from relay_gateway.cli.tongue import Said
from relay_gateway.core.judge import Finding
from relay_gateway.core.rules import Role

# Headings of tables, and names of facts.
COMPANY = Said("company", "会社")
NAME = Said("name", "社名")
MODE = Said("mode", "モード")
LANGUAGE = Said("language", "言語")
LANGUAGES = Said("languages", "言語")
BLOCK = Said("block", "案内文")
SENDERS = Said("senders", "差出人")
RULES = Said("rules", "ルール")
RULE = Said("rule", "ルール")
ROLE = Said("role", "役割")
WEIGHT = Said("weight", "点")
STATE = Said("state", "状態")
ON, SHADOW, OFF = Said("on", "有効"), Said("shadow", "試行"), Said("off", "停止")
THRESHOLD = Said("threshold", "基準点")
WORDS = Said("words in their sentence", "文の中の言葉")
OFFSET = Said("offset", "位置")
REMOVED = Said("removed", "削除")
ADDED_BYTES = Said("added", "追加")
SENDER = Said("from", "差出人")
RECIPIENTS = Said("to", "宛先")
DETAIL = Said("detail", "詳細")
SCORE = Said("score", "得点")
VETOES = Said("vetoes", "除外")
MISSING = Said("missing", "不足")
DECISION = Said("decision", "判定")
REASON = Said("reason", "理由")
MAIL = Said("mail", "メール")
MAILS = Said("mails", "通数")
ID = Said("id", "ID")
ALL = Said("all", "合計")
ORIGIN = Said("written in", "書かれた場所")
EXAMPLES = Said("examples", "例文")

FINDINGS = {
    Finding.INSERT: Said("insert", "insert 案内を追加"),
    Finding.PROBABLE: Said("probable", "probable 要確認"),
    Finding.LEAVE: Said("leave", "leave そのまま"),
}
ROLES = {
    Role.DECISION: Said("decision", "decision 結論"),
    Role.CONTEXT: Said("context", "context 採用の話"),
    Role.ADDRESSEE: Said("addressee", "addressee 応募者宛"),
    Role.SUPPORT: Said("support", "support 補強"),
    Role.GUARD: Said("guard", "guard 打ち消し"),
    Role.VETO: Said("veto", "veto 除外"),
}

NO_CONFIG = Said(
    "There is no {path}; judged by the shipped rules for a sample company.",
    "{path} がないため、付属ルールと見本の会社で判定します。",
)
NO_LEDGER = Said(
    "There is no ledger {path} yet; it begins with the first referral.",
    "台帳 {path} はまだありません。最初のご案内のときに作られます。",
)

# check
IN_ORDER = Said("{path} is in order.", "{path} に問題はありません。")
LISTEN = Said("listen", "受信")
NEXT_HOP = Said("next hop", "送信先")
LEDGER = Said("ledger", "台帳")
JOURNAL = Said("journal", "待避ファイル")
WEB = Said("web", "ウェブ")
LOG = Said("log", "ログ")
KEPT = Said("none; mails are kept in {path}", "なし（メールは {path} に保管）")
STDERR = Said("standard error", "標準エラー出力")
VERSION = Said("version {version}", "バージョン {version}")
OVERRIDES = Said("What own rules change", "自社ルールによる変更")
NO_OVERRIDES = Said(
    "No rules of your own: the shipped ones as they are.", "自社ルールなし（付属ルールのまま）。"
)
OWN_PACK = Said("{count} rules of your own in {file}", "自社ルール {count} 件（{file}）")
BY = Said("by {place}", "変更元 {place}")
SHIPPED = Said("shipped", "付属")
ADDED = Said("added", "追加")
REPLACED = Said("replaced ({keys})", "置き換え（{keys}）")
REPEATED = Said("written again, the same", "同じ内容で再記述")

# explain
AS_IF = Said(
    "The sender belongs to no company. If {company} had sent the mail:",
    "差出人はどの会社にも属していません。{company} が送ったとして判定します。",
)
LENT = Said("none; judged as if sent by {company}", "なし（{company} からとして判定）")
GAUGE = Said(
    "{score:g}, needed {threshold:g} ({left:g} above)",
    "{score:g} 点（基準 {threshold:g} 点を {left:g} 点上回る）",
)
GAUGE_SHORT = Said(
    "{score:g}, needed {threshold:g} ({left:g} too few)",
    "{score:g} 点（基準 {threshold:g} 点に {left:g} 点不足）",
)
GAUGE_EVEN = Said("{score:g}, just what is needed", "{score:g} 点（基準ちょうど）")
SUBJECT = Said("subject: ", "件名：")
IS_SHADOW = Said(" (shadow)", "（試行）")
BLOCK_IN = Said("The block in {part}", "案内文の位置（{part}）")
STANDS = Said("It stands {above}, {below}.", "{above}、{below}に入ります。")
STANDS_LINK = Said(
    "The link stood there already; only its code is new.",
    "もとからあるリンクに、計測用の符号だけを付けます。",
)
STANDS_SLOT = Said(
    "It stands where HR has written its slot.", "採用担当者が差し込み位置を書いた場所に入ります。"
)
AFTER_DECISION = Said("after the paragraph with the decision", "結論の段落のあと")
AFTER_MORE = Said(
    "after the decision and {count} more paragraph(s) that belong to it",
    "結論の段落と、それに続く {count} 段落のあと",
)
AFTER_BOTH = Said(
    "after the paragraph that holds both decision and wish",
    "結論とお祈りが同じ段落にあるため、そのあと",
)
BEFORE_WISH = Said("before the closing wish", "結びのお祈りの前")
BEFORE_CLOSING = Said("before the closing words", "結びの挨拶の前")
BEFORE_SIGNATURE = Said("before the signature", "署名の前")
BEFORE_QUOTE = Said("before the older mail quoted below", "引用された以前のメールの前")
BEFORE_WORDS = Said(
    "before other words, as the gap at the closing cannot hold it (list, link or table)",
    "本文の前（結びの前には表や箇条書きなどのため入れられません）",
)
BEFORE_END = Said("at the end of the letter", "手紙の末尾")

# explain --why-not
WHY_NOT = Said("Why not?", "なぜ案内を入れないのか")
WHY = Said("What would it take to lose the link?", "案内が外れるまでの余裕")
NOT_READ = Said(
    "Its words did not matter: {reason} By its words alone it would be {finding}.",
    "文面によらない理由です：{reason}文面だけなら {finding}。",
)
BY_WORDS = Said("By its words alone it would be {finding}.", "文面だけなら {finding} です。")
HAS = Said("yes", "あり")
HAS_NOT = Said("missing", "なし")
NOTHING_MISSING = Said("Nothing is missing.", "足りないものはありません。")
NO_CANDIDATE = Said(
    "No sentence comes near a decision: no rule of that role finds its words.",
    "結論に近い文はありません（decision のルールの言葉がどの文にもありません）。",
)
CANDIDATES = Said("Sentences that nearly said it", "あと一歩だった文")
NEAR = Said("Sentences that only sound like it", "結論ではなく、それらしく聞こえる文")
SPOKE = Said("{rule} found 「{words}」, but", "{rule} が「{words}」を見つけましたが、")
BY_GUARD = Said(
    "the guard {rule} takes it back: 「{words}」", "guard の {rule} が打ち消しました：「{words}」"
)
BY_UNLESS = Said("its `unless` forbids 「{words}」", "unless の「{words}」が同じ文にあります")
BY_NEEDS = Said(
    "what it `needs` does not stand in the sentence", "needs の言葉が同じ文にありません"
)
BY_WHERE = Said("it reads only the {where}", "このルールが読むのは {where} だけです")
BY_STATE = Said("the rule is {state}", "ルールの状態が {state} です")
VETO_SAYS = Said(
    "The veto {rule} speaks: 「{words}」", "除外ルール {rule} に当たりました：「{words}」"
)
TAKES = Said("{rule} carries {weight:g} of it", "うち {rule} が {weight:g} 点")
ONE_DECISION = Said(
    "One rule alone says the decision: {rule}.", "結論を示すルールは {rule} だけです。"
)
MORE_DECISIONS = Said(
    "{count} rules say the decision: {rules}.", "結論を示すルールは {count} 件：{rules}。"
)

# rewrite
FROM_COMPANY = Said("Company: {company}.", "会社：{company}")
WRITTEN = Said(
    "Written with {edits} edits, {grown} bytes longer.",
    "{edits} か所を変更して書き出しました（{grown} バイト増）。",
)
AS_IT_CAME = Said(
    "Written byte for byte as it came.", "元のまま 1 バイトも変えずに書き出しました。"
)
USE_FORCE = Said(
    "Use --force to see what would be written in mode live.",
    "--force を付けると、live の場合の内容を書き出します。",
)
LACKING = Said("Missing: {what}.", "不足：{what}")
VETOED = Said("A veto speaks against it.", "除外ルールに当たっています。")

# scan
NO_MAIL = Said(
    "There is no mail here; name .eml files, an mbox, a Maildir or their folder.",
    "メールがありません。.eml ファイル、mbox、Maildir、またはフォルダーを指定してください。",
)
STRANGERS = Said(
    "{count} of {mails} mails are from no company; judged as if sent by {company}.",
    "{mails} 通のうち {count} 通の差出人はどの会社にも属していません。"
    "{company} からとして判定しました。",
)
BAR = Said("{count} mails", "{count} 通")
HITS = Said("mails", "該当")
INSERTS = Said("insert", "追加")
SOLE = Said("sole", "単独")
OVERLAPS = Said("with others", "重複")
COMPANION = Said("most often with", "主な重複相手")
SCAN_NOTE = Said(
    "Counted are mails that were read whole, which takes a word that could decide. sole: inserts "
    "in which no other rule says the decision; with others: mails in which another rule of the "
    "same role speaks too.",
    "結論になりうる言葉があり、最後まで読んだメールだけを数えています。単独：結論を示すルールが"
    "それ一つだけの案内追加。重複：同じ役割の別のルールにも当たった通数。",
)
NEVER = Said("Never fired ({count})", "一度も当たらなかったルール（{count} 件）")
MEASURE = Said("measure", "指標")
VALUE = Said("value", "値")
BOUNDS = Said("95 % bounds", "95 % 信頼区間")
PRECISION = Said("precision: inserts that are rejections", "適合率：追加のうち本当にお祈りメール")
RECALL = Said("recall: rejections that are inserts", "再現率：お祈りメールのうち追加できたもの")
WRONG = Said(
    "Wrong: inserts that are no rejections ({count})",
    "誤り：お祈りメールでないのに追加（{count} 通）",
)
MISSED = Said(
    "Missed: rejections left alone ({count})", "見逃し：お祈りメールなのに追加なし（{count} 通）"
)
UNLABELLED = Said(
    "{count} of {mails} mails have no label and are not in these numbers.",
    "{mails} 通のうち {count} 通にはラベルがなく、この数字に含めていません。",
)

# rules
NO_RULES = Said("No rule fits.", "当てはまるルールはありません。")
TESTED = Said(
    "All {examples} examples are as they should be (rules: {rules}).",
    "ルール {rules} 件、例文 {examples} 件：すべて合格です。",
)
FAILED = Said(
    "{failed} of {examples} examples fail.", "例文 {examples} 件のうち {failed} 件が不合格です。"
)
PASS, FAIL = Said("pass", "合格"), Said("fail", "不合格")
RESULT = Said("result", "結果")
MATCHES_FAIL = Said("does not find: {example}", "見つけるべき例文に当たりません：{example}")
SPARES_FAIL = Said(
    "finds, and should spare: {example}", "当たってはいけない例文に当たります：{example}"
)
TAKEN_BACK = Said(" (the guard {rule} takes it back)", "（guard の {rule} が打ち消します）")
COST = Said("CPU µs", "CPU µs")
SHARE = Said("share", "割合")
A_MAIL = Said("µs a mail", "µs／通")
COST_NOTE = Said(
    "{mails} mails with {kilobytes:.0f} KB of text. All rules together, as the gateway reads them: "
    "{together:.0f} µs a mail; each rule above was read alone.",
    "{mails} 通、本文 {kilobytes:.0f} KB。"
    "全ルールをまとめて読む実際の動作では 1 通 {together:.0f} µs。"
    "表の値はルールを一つずつ読んだものです。",
)
BEFORE, AFTER = Said("old", "旧"), Said("new", "新")
MADE_BY = Said("by", "変えたルール")
UNCHANGED = Said(
    "No mail changes its decision ({mails} mails).",
    "判定が変わるメールはありません（{mails} 通）。",
)
CHANGED = Said(
    "{count} of {mails} mails change.", "{mails} 通のうち {count} 通の判定が変わります。"
)
REPLAYED = Said(
    "{count} of {mails} judged mails would change.",
    "判定済みの {mails} 通のうち {count} 通が変わります。",
)
TIME = Said("time", "日時")
UNSURE = Said(
    "{count} lines were not replayed: their verdict does not follow from their rules, or an older "
    "version wrote them.",
    "{count} 行は再判定できません（古い版の記録、または記録のルールから判定を再現できないもの）。",
)
CANNOT = Said(
    "What the log cannot tell (judge old mails with `rules diff` instead):",
    "ログからは分からない変更（過去のメールに `rules diff` をお使いください）：",
)
CANNOT_NEW = Said(
    "{rule}: new; its words were not looked for",
    "{rule}：新しいルールのため、当たったか分かりません",
)
CANNOT_WORDS = Said("{rule}: {keys} changed", "{rule}：{keys} が変わりました")
CANNOT_OFF = Said(
    "{rule}: was off, so it was not looked for", "{rule}：停止中だったため、当たったか分かりません"
)
CANNOT_YIELD = Said(
    "{rule}: gives way to {others}, whose state changed; it may speak now, or keep silent",
    "{rule}：譲り先（{others}）の状態が変わったため、当たるかどうかが変わりえます",
)
CANNOT_LANGUAGE = Said(
    "A letter in two languages is logged in the one that decided it; the other is not weighed.",
    "二言語の手紙は、判定に使った言語の分だけが記録されています。",
)
BY_RULE = Said("By rule", "ルール別")
