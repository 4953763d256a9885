"""What is said of a ledger and its health, in both languages."""

from __future__ import annotations

from relay_gateway.cli.tongue import Said
from relay_gateway.edge.ledger import Ailment

EVENTS = Said("events", "件数")
KINDS = Said("by kind", "内訳")
HEAD = Said("head", "チェーン先頭")
WAITING = Said(
    "{count} events wait in the journal for the ledger.", "台帳への反映待ち: {count} 件。"
)
WHOLE = Said("Nothing is broken.", "壊れているところはありません。")
AILMENTS = {
    Ailment.NOT_PRIMARY: Said(
        "This Redis is a replica ({detail}) and takes no events; name its primary, or Sentinels.",
        "この Redis はレプリカ（{detail}）のため記録できません。"
        "プライマリか Sentinel を指定してください。",
    ),
    Ailment.NO_LOG: Said(
        "This Redis forgets events when it restarts; set appendonly yes.",
        "この Redis は再起動でイベントを失います。appendonly yes を設定してください。",
    ),
    Ailment.LOG_FAILED: Said(
        "This Redis cannot write its append-only file; look at its disk and its log.",
        "この Redis は追記ファイルに書き込めません。ディスクとログを確認してください。",
    ),
    Ailment.LATE_SYNC: Said(
        "With appendfsync {detail} a power cut may lose events; set appendfsync always.",
        "appendfsync {detail} では停電時にイベントを失うことがあります。always にしてください。",
    ),
    Ailment.EVICTS: Said(
        "A full Redis would throw events away ({detail}); set maxmemory-policy noeviction.",
        "メモリ不足時にイベントが消えます（{detail}）。"
        "maxmemory-policy noeviction にしてください。",
    ),
    Ailment.FEW_REPLICAS: Said(
        "Only {detail} replicas are there, so all events go through the journal; "
        "start the others, or lower ledger.wait_replicas.",
        "レプリカが {detail} しかないため、イベントは待避ファイルを経由します。"
        "レプリカを起動するか ledger.wait_replicas を下げてください。",
    ),
    Ailment.CUT_OFF: Said(
        "A primary that is cut off would go on taking events and lose them; "
        "set min-replicas-to-write 1 and min-replicas-max-lag 10.",
        "切り離されたプライマリが記録を続け、失うおそれがあります。"
        "min-replicas-to-write 1 と min-replicas-max-lag 10 を設定してください。",
    ),
    Ailment.LONELY: Said(
        "This primary has no replica: if it dies, its part of the cluster stands still and events "
        "wait in the journal; give it one.",
        "このプライマリにはレプリカがありません。停止すると担当分が止まり、"
        "イベントは待避ファイルで待ちます。レプリカを追加してください。",
    ),
    Ailment.HIDDEN: Said(
        "This Redis does not show its settings; ask whoever runs it for appendfsync always.",
        "この Redis は設定を開示しません。appendfsync always かどうか提供元に確認してください。",
    ),
}
