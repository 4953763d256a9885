"""Settings are read once; everything that is wrong is told at once, each with its place."""

from __future__ import annotations

import re
import shutil
import stat
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from relay_gateway.config import BadConfig, Config, Tls, ensure_secrets, load
from relay_gateway.config.document import Document, plain, read
from relay_gateway.config.packs import SHIPPED
from relay_gateway.config.redis_url import RedisPlace
from relay_gateway.core.access import Access
from relay_gateway.core.block import default
from relay_gateway.core.burst import Guard
from relay_gateway.core.credit import Basis, GrantOn, Reversal, Terms
from relay_gateway.core.rules import State
from relay_gateway.core.segment import Segment
from relay_gateway.core.tenant import CARRIERS, SKIP_TLDS, Mode, Scope
from tests.certificates import authority

SAMPLES = Path(__file__).parent.parent / "config"
SECRET = "0123456789abcdef" * 4
ENVIRON = {
    "ACME_SECRET": SECRET,
    "OTHER_SECRET": SECRET[::-1],
    "EMPTY": "",
    "SHORT": f"{SECRET} short",
}

GATEWAY = """\
listen:
  clients: [10.0.0.0/8]
rules: [./my.yaml]
"""
ACME = """\
id: acme
name: 株式会社アクメ
senders: {domains: [acme.example]}
link: https://careerrelay.jp/c/acme
secret: {env: ACME_SECRET}
"""
OTHER = ACME.replace("acme", "other").replace("ACME", "OTHER")
RULES = """\
language: ja
threshold: 3
rules:
  - name: see-off
    is: decision
    words: [採用を見送]
    weight: 2
    matches: ["今回は採用を見送らせていただきます。"]
    spares: ["採用に向けて準備を進めております。"]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A gateway with one company and one file of rules, all in order."""
    write(tmp_path, "gateway.yaml", GATEWAY)
    write(tmp_path, "companies/acme.yaml", ACME)
    write(tmp_path, "my.yaml", RULES)
    return tmp_path


def write(folder: Path, name: str, text: str | bytes) -> None:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)


def loaded(folder: Path) -> Config:
    return load(folder / "gateway.yaml", ENVIRON)


def told(folder: Path) -> list[str]:
    """What is said of the files, with their paths made short."""
    with pytest.raises(BadConfig) as refusal:
        loaded(folder)
    for fault in refusal.value.faults:
        assert re.fullmatch(r".+\.yaml:[1-9]\d*:[1-9]\d*: \S.+", str(fault))
    return [str(fault).removeprefix(f"{folder}/") for fault in refusal.value.faults]


def test_everything_but_the_clients_has_a_default(folder):
    config = loaded(folder)
    (listener,) = config.listeners
    assert listener.access == Access((ip_network("10.0.0.0/8"),))
    assert (listener.host, listener.port) == ("127.0.0.1", 2525)
    assert listener.hostname
    assert config.next_hop is None
    assert config.limits.message_size == 50 * 2**20
    assert config.policy.inspect_size == config.limits.inspect_size == 10 * 2**20
    assert config.timeouts.final_dot == 550


def test_paths_begin_at_the_folder_of_their_file(folder):
    text = "outbox: out\nledger: sqlite:var/l.db\nlog: {file: g.log}\n"
    write(folder, "gateway.yaml", GATEWAY + text)
    config = loaded(folder)
    paths = (config.outbox, config.ledger.path, config.log.file)
    assert paths == (folder / "out", folder / "var/l.db", folder / "g.log")


def test_a_redis_is_named_by_its_url_with_its_secrets_beside_it(folder):
    write(folder, "redis-password", "geheim\n")
    text = """\
ledger:
  url: rediss+sentinel://s1,[::1]:5000/relay/2
  user: gateway
  secret: {file: redis-password}
  ca: ca.pem
  certificate: gateway.pem
  key: gateway.key
  journal: waiting.db
  wait_replicas: 1
"""
    its = authority()
    shutil.copy(its.file, folder / "ca.pem")
    certificate, key = its.issue("gateway.acme.example")
    shutil.copy(certificate, folder / "gateway.pem")
    shutil.copy(key, folder / "gateway.key")
    write(folder, "gateway.yaml", GATEWAY + text)
    ledger = loaded(folder).ledger
    assert ledger.path is None
    assert (ledger.journal, ledger.patience) == (folder / "waiting.db", 0.25)
    assert (ledger.wait_replicas, ledger.wait_seconds) == (1, 0.2)
    assert ledger.redis == RedisPlace(
        shape="sentinel",
        addresses=(("s1", 26379), ("::1", 5000)),
        service="relay",
        database=2,
        is_tls=True,
        user="gateway",
        password="geheim",
    )
    assert [each["subject"] for each in ledger.redis.tls.get_ca_certs()] == [
        ((("commonName", "Authority of all tests"),),)
    ]
    assert "geheim" not in repr(ledger)


def test_the_journal_of_a_sqlite_ledger_stands_beside_it(folder):
    write(folder, "gateway.yaml", GATEWAY + "ledger: {url: 'sqlite:l.db', patience: 1}\n")
    ledger = loaded(folder).ledger
    assert (ledger.path, ledger.journal) == (folder / "l.db", folder / "l.journal.sqlite3")
    assert ledger.patience == 1


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("redis://localhost", RedisPlace("single", (("localhost", 6379),))),
        ("rediss://r:1/3", RedisPlace("single", (("r", 1),), database=3, is_tls=True)),
        ("redis+cluster://a:7,b", RedisPlace("cluster", (("a", 7), ("b", 6379)))),
    ],
)
def test_a_redis_url_alone_is_enough(folder, url, place):
    write(folder, "gateway.yaml", GATEWAY + f"ledger: {url}\n")
    assert loaded(folder).ledger.redis == place


def test_a_company_becomes_a_tenant(folder):
    text = "scope: {agencies: [Agent.Example], rewrites_dkim: true, segments: [part_time]}\n"
    text += "credits: {count_on: registered, per_credit: 5}\n"
    write(folder, "companies/acme.yaml", ACME + text + "internal_domains: [group.example]\n")
    (tenant,) = loaded(folder).policy.tenants
    assert (tenant.id, tenant.name, tenant.mode) == ("acme", "株式会社アクメ", Mode.MONITOR)
    assert tenant.internal_domains == {"acme.example", "group.example"}
    assert tenant.terms == Terms(Basis.REGISTERED, 5, 365)
    assert tenant.scope == Scope(
        frozenset({"agent.example"}),
        segments=frozenset([Segment.PART_TIME]),
        carriers=frozenset(CARRIERS),
        skip_tlds=frozenset(SKIP_TLDS),
        rewrites_dkim=True,
    )
    assert tenant.keys == (SECRET.encode(),)
    assert "{link}" in tenant.wordings["ja"].lines


def test_single_addresses_are_senders_in_lower_case(folder):
    senders = "{addresses: [Saiyo@Acme.Example]}"
    write(folder, "companies/acme.yaml", ACME.replace("{domains: [acme.example]}", senders))
    (tenant,) = loaded(folder).policy.tenants
    assert tenant.addresses == {"saiyo@acme.example"}
    assert tenant.sends(b"SAIYO@acme.example")


def test_a_company_may_write_its_own_words(folder):
    block = "block:\n  ja: |\n    {company}の提携先をご案内いたします。\n    {link}\n"
    write(folder, "companies/acme.yaml", ACME + block)
    (tenant,) = loaded(folder).policy.tenants
    assert tenant.wordings["ja"].lines == ("{company}の提携先をご案内いたします。", "{link}")


def test_a_company_may_write_words_for_one_kind_of_hiring(folder):
    block = "block:\n  ja:\n    new_graduate: |\n      学生の皆様へのご案内です。\n      {link}\n"
    write(folder, "companies/acme.yaml", ACME + block)
    (tenant,) = loaded(folder).policy.tenants
    wording = tenant.wordings["ja"]
    assert wording.segments[Segment.NEW_GRADUATE] == ("学生の皆様へのご案内です。", "{link}")
    assert wording.lines == default("ja").lines


def test_a_company_chooses_the_style_what_it_calls_itself_and_further_lines(folder):
    block = (
        "languages: [ja, en]\nblock: {style: short, self: 当院, disclosure: true, "
        "opt_out: saiyo@acme.example, operator: {ja: 甲社, en: Ko Inc.}}\n"
    )
    write(folder, "gateway.yaml", GATEWAY.replace("./my.yaml", "ja, en"))
    write(folder, "companies/acme.yaml", ACME + block)
    (tenant,) = loaded(folder).policy.tenants
    lines = tenant.wordings["ja"].lines
    assert lines[0] == "今後のキャリアのご参考までに、当院の提携先をご案内いたします。"
    assert lines[4:] == (
        "（運営：甲社）",
        "（当院はご案内に応じて、提携先の採用支援を受けることがあります。）",
        "ご案内が不要な場合のご連絡先： saiyo@acme.example",
    )
    assert tenant.wordings["en"].lines[4:] == (
        "(Operated by Ko Inc.)",
        "(For referrals we may receive hiring support from this partner.)",
        "To receive no such offers: saiyo@acme.example",
    )


def test_what_some_mails_cannot_hold_is_a_caution_with_its_place(folder):
    block = "block:\n  self: 髙校\n  operator: 髙橋社\n  ja: {any: '▶ご案内\n\n    {link}'}\n"
    write(folder, "companies/acme.yaml", ACME + block)
    told = [str(each).removeprefix(f"{folder}/companies/") for each in loaded(folder).cautions]
    assert [each.split(" ")[:2] for each in told] == [
        ["acme.yaml:7:9:", "髙"],
        ["acme.yaml:8:13:", "髙"],
        ["acme.yaml:9:13:", "▶"],
    ]
    assert told[0].endswith("they say 弊社 instead, or replace it")
    assert told[1].endswith("they pass untouched, so better replace it")
    assert told[2].endswith("they get the shipped words instead, or replace it")


def test_the_next_hop_and_the_listener_are_read(folder):
    listen = 'listen: {address: "[::1]:25", clients: ["::1/128"], hostname: relay.acme.example}\n'
    hop = "next_hop: {host: mx.acme.example, port: 465, tls: implicit}\nrules: [my.yaml]\n"
    write(folder, "gateway.yaml", listen + hop)
    config = loaded(folder)
    (listener,) = config.listeners
    assert (listener.host, listener.port) == ("::1", 25)
    assert listener.hostname == "relay.acme.example"
    hop = config.next_hop
    assert (hop.host, hop.port, hop.tls) == ("mx.acme.example", 465, Tls.IMPLICIT)


def test_three_faults_in_three_files_are_told_at_once(folder):
    write(folder, "gateway.yaml", GATEWAY + "next_hop:\n  host: mx.acme.example\n  port: 70000\n")
    write(folder, "companies/acme.yaml", ACME.replace("link:", "lnik:"))
    write(folder, "my.yaml", RULES.replace("decision", "decison"))
    assert told(folder) == [
        "gateway.yaml:6:9: port is 70000, a port lies between 1 and 65535; write for example 25",
        'my.yaml:5:9: is is "decison", which is not known; did you mean decision?',
        "companies/acme.yaml:1:1: link is missing; "
        'write for example link: "https://careerrelay.jp/c/acme"',
        "companies/acme.yaml:4:1: unknown key lnik, did you mean link?",
    ]


@pytest.mark.parametrize(
    ("line", "place", "what"),
    [
        ("limts: {}", "4:1", "unknown key limts, did you mean limits?"),
        ("zzz: 1", "4:1", "unknown key zzz, choose one of listen, next_hop, outbox"),
        ("limits: {message_size: 5 potatoes}", "4:24", "write bytes or a size with its unit"),
        ("limits: {hops: true}", "4:16", "hops is true, a whole number belongs here"),
        ("limits: {hops: 0}", "4:16", "hops is 0, it must be at least 1"),
        ("limits: {message_size: 1 MiB, inspect_size: 2 MiB}", "4:45", "larger than message_size"),
        ("timeouts: {think: '5'}", "4:19", "a number belongs here"),
        ("ledger: redis://a:pass@b", "4:9", '"redis://…@b", but a password does not belong'),
        ("ledger: redis://a,b", "4:9", "it names several servers; write redis+sentinel:"),
        ("ledger: redis+sentinel://a", "4:9", "write /NAME after the Sentinels"),
        ("ledger: redis+cluster://a/1", "4:9", "a cluster has one database only"),
        ("ledger: redis://a:99999", "4:9", "a port lies between 1 and 65535"),
        ("ledger: redis://a/x", "4:9", "no number of a database"),
        ("ledger: {url: 'redis:a'}", "4:15", "which is no ledger; write sqlite:PATH, redis://"),
        ("ledger: {user: a}", "4:16", "user is for a Redis only; delete it"),
        ("ledger: {url: 'redis://a', ca: x}", "4:32", "write rediss: in url, or delete it"),
        ("ledger: {url: 'rediss://a', ca: x}", "4:33", "x does not exist; correct the path"),
        ("ledger: {url: 'rediss://a', key: x}", "4:34", "write certificate: FILE, or delete key"),
        ("ledger: {url: 'redis://a', key: x}", "4:33", "write rediss: in url, or delete it"),
        ("ledger: {url: 'redis://a', secret: {env: EMPTY}}", "4:36", "EMPTY is empty or not set"),
        ("ledger: {url: 'redis://a', wait_replicas: true}", "4:43", "a whole number belongs here"),
        ("ledger: [1]", "4:9", "write text"),
        ("ledger: l.db", "4:9", "write sqlite:PATH"),
        ("listen.x: 1", "4:1", "did you mean listen?"),
        ('"a\\nb": 1', "4:1", 'unknown key "a\\nb", choose one of'),
        ("[a]: 1", "4:1", "a key must be a word"),
        ("timeouts: {think: 1e9}", "4:19", "it must be at most 3600"),
        ("limits: {message_size: 2}", "4:24", "between 1 KiB and 1 GiB"),
        ("next_hop: {host: mx.acme.example, port: smtp}", "4:41", "a port is a number"),
        ('outbox: "\\0"', "4:9", "a path has no NUL"),
        ("log: {format: jsn}", "4:15", "did you mean json?"),
        ("next_hop: {host: localhost, port: 2525}", "4:18", "mail would go in circles"),
        ("next_hop: {port: 25}", "4:1", "host is missing in next_hop"),
        ("next_hop: mx.acme.example", "4:11", "keys belong here; write for example {"),
        ("next_hop: {host: a b}", "4:18", "which is no host name"),
        ("companies: nowhere", "4:12", "no company file stands in"),
        ("rules: [my.yaml]", "4:1", "rules stands here again, first on line 3"),
        ("outbox: &x y", "4:9", "write the value out in both places"),
        ("outbox: !x y", "4:9", "the tag !x is not read"),
        ("\toutbox: y", "4:1", "a tab stands here"),
        ("outbox: 'y", "4:9", "never closed"),
        ("outbox: a: b", "4:10", "put the value in quotes"),
        ('outbox: "\\ud800"', "4:12", "half a character"),
        ("outbox: \u0007", "4:9", "invisible character U+0007"),
        ("outbox: a\u2028b", "4:10", "invisible character U+2028"),
        ("outbox: a\ufeffb", "4:10", "invisible character U+FEFF"),
        ("outbox: [y\n# more", "4:9", "never closed"),
        ("outbox: [y: z", "4:9", "never closed"),
        ("outbox: [y}", "4:11", "write a comma or the closing bracket"),
        ("outbox:\n  y: z\n w: x", "6:2", "indent it like its neighbours"),
        ("outbox\n# no value", "4:1", "a key without a colon"),
        ("outbox: *.y", "4:10", "put a value that begins with one in quotes"),
        ("outbox: |y", "4:10", "put a value with this in quotes"),
        ("timeouts: [::1/128]", "4:12", "this character cannot begin a value; put the value in"),
        ("outbox: ]", "4:9", "this character cannot begin a value"),
        ("outbox: @y", "4:9", "this character cannot begin a value"),
        ('outbox: "\\y"', "4:10", "use single quotes for patterns"),
        ("---\nlisten: 1", "4:1", "a second document begins here"),
    ],
)
def test_a_fault_of_the_gateway_file_is_told_with_its_place(folder, line, place, what):
    write(folder, "gateway.yaml", f"{GATEWAY}{line}\n")
    (said,) = told(folder)
    assert said.startswith(f"gateway.yaml:{place}: ")
    assert what in said


@pytest.mark.parametrize(
    ("clients", "what"),
    [
        ("[]", "nobody could send; write the networks of your mail servers"),
        ("10.0.0.0/8", "a list belongs here"),
        ("[10.0.0.1/8]", "write 10.0.0.0/8"),
        ("[mail.acme.example]", "which is no network"),
    ],
)
def test_the_clients_are_networks_and_not_nobody(folder, clients, what):
    write(folder, "gateway.yaml", GATEWAY.replace("[10.0.0.0/8]", clients))
    (said,) = told(folder)
    assert said.startswith("gateway.yaml:2:")
    assert what in said


@pytest.mark.parametrize("address", ["127.0.0.1", "::1:25", "[x]:25", "127.0.0.1:70000", ":25"])
def test_an_address_is_host_and_port(folder, address):
    write(folder, "gateway.yaml", GATEWAY.replace("clients", f"address: '{address}'\n  clients"))
    (said,) = told(folder)
    assert said.startswith("gateway.yaml:2:12: address is")
    assert "write" in said


@pytest.mark.parametrize(
    ("old", "new", "place", "what"),
    [
        ("id: acme", "id: Acme Inc", "1:5", "small letters, digits and hyphens"),
        ("acme.example", "'@acme.example'", "3:21", "write acme.example"),
        ("acme.example", "日本語.example", "3:21", "write xn--wgv71a119e.example"),
        ("{domains: [acme.example]}", "{}", "3:10", "senders names nobody"),
        ("domains", "addresses", "3:23", "write a mail address, for example saiyo@acme.example"),
        ("acme.example", "-acme", "3:21", "which is no domain"),
        ("acme.example", "あ..example", "3:21", "write its xn-- form"),
        ("株式会社アクメ", '""', "2:7", "it must not be empty; write for example"),
        ("株式会社アクメ", "x" * 201, "2:7", "it is longer than 200 characters"),
        ("id: acme", "id: [a]", "1:5", "id is a list, text belongs here"),
        ("{env: ACME_SECRET}", "{file: .}", "5:9", "cannot be read (Is a directory)"),
        ("{env: ACME_SECRET}", "{env: EMPTY}", "5:9", "EMPTY is empty; make one with"),
        ("{env: ACME_SECRET}", "{env: SHORT}", "5:9", "line 2 of the environment variable SHORT"),
        ("https", "http", "4:7", "which is no https link"),
        ("/c/acme", "/c/acme?a=b", "4:7", "delete the ? or #"),
        ("{env: ACME_SECRET}", "{env: NO_SECRET}", "5:9", "NO_SECRET is not set; make one"),
        ("{env: ACME_SECRET}", "{file: gone}", "5:9", "does not exist; write create: true"),
        ("{env: ACME_SECRET}", "{env: A, file: b}", "5:9", "either env: NAME or file: PATH"),
        ("{env: ACME_SECRET}", "{env: A, create: true}", "5:9", "only a file can be created"),
        ("link:", "languages: [ja, en]\nlink:", "4:17", "no rules are loaded for en"),
        ("link:", "languages: [jp]\nlink:", "4:13", "no rules are loaded for jp"),
        ("link:", "block: {ja: '{link}今すぐ'}\nlink:", "4:13", "alone on its line"),
        ("link:", "block: {JA: '{link}'}\nlink:", "4:9", "two or three small letters"),
        ("link:", "block: {japanese: a}\nlink:", "4:9", "unknown key japanese, choose one of"),
        ("link:", "block: {stlye: short}\nlink:", "4:9", "did you mean style?"),
        ("link:", "block: {style: long}\nlink:", "4:16", "choose one of one_line, short, full"),
        ("link:", "block: {self: acme}\nlink:", "4:15", "one to five full-width signs"),
        ("link:", "block: {self: 当社😀}\nlink:", "4:15", "Remove the emoji 😀"),
        ("link:", "block: {ja: 5}\nlink:", "4:13", "ja is 5, write text, for example"),
        ("link:", "block: {ja: ''}\nlink:", "4:13", "alone on its line"),
        ("link:", "block: {ja: {any: '特典'}}\nlink:", "4:19", "Remove “特典”"),
        ("link:", "block: {ja: {part: a}}\nlink:", "4:14", "did you mean part_time?"),
        ("link:", "block: {opt_out: [a]}\nlink:", "4:18", "opt_out is a list, write text"),
        ("link:", "block: {opt_out: {EN: a}}\nlink:", "4:19", "two or three small letters"),
        ("link:", "block: {opt_out: www.acme.example}\nlink:", "4:18", "the only address"),
        ("link:", "block: {opt_out: '{company}'}\nlink:", "4:18", "nothing is filled in here"),
        ("link:", "block: {opt_out: {en: a}}\nlink:", "4:18", "nothing is written for ja"),
        ("link:", f"block: {{operator: {'ア' * 32}}}\nlink:", "4:19", "Shorten it by 1 full-width"),
        ("link:", "block: {operator: 特典}\nlink:", "4:19", "Remove “特典”"),
        ("link:", "block: {disclosure: ja}\nlink:", "4:21", "true or false belongs here"),
        ("link:", "block: {'[languages]': {}}\nlink:", "4:8", "is no key of it"),
        ("link:", "block: short\nlink:", "4:8", "keys belong here"),
        ("link:", "block: {ko: '{link}', disclosure: true}\nlink:", "4:35", "shipped in ko"),
        ("link:", "block: {ko: {part_time: '{link}'}}\nlink:", "4:13", "no block is shipped in ko"),
        ("link:", "mode: Live\nlink:", "4:7", "did you mean live?"),
    ],
)
def test_a_fault_of_a_company_file_is_told_with_its_place(folder, old, new, place, what):
    write(folder, "companies/acme.yaml", ACME.replace(old, new, 1))
    said = [line for line in told(folder) if what in line]
    assert [line.partition(": ")[0] for line in said] == [f"companies/acme.yaml:{place}"]


def test_two_companies_share_no_id_no_sender_and_no_secret(folder):
    write(folder, "companies/other.yaml", OTHER)
    assert len(loaded(folder).policy.tenants) == 2
    write(folder, "companies/other.yaml", ACME.replace("acme.example", "ACME.example"))
    acme = folder / "companies/acme.yaml"
    tail = f"is also that of {acme}; each company has its own"
    assert told(folder) == [
        f"companies/other.yaml:1:5: the id acme {tail}",
        f"companies/other.yaml:3:21: the sender acme.example {tail}",
        f"companies/other.yaml:5:9: the secret {tail}",
    ]


@pytest.mark.parametrize(
    ("old", "new", "place", "what"),
    [
        ("ja", "", "1:1", "language is missing"),
        ("threshold: 3\n", "", "1:1", "threshold is missing for ja"),
        ("words: [採用を見送]", "says: '('", "6:11", "is no RE2 pattern"),
        ("    words: [採用を見送]\n", "", "4:5", "give the rule words or a pattern"),
        ("今回は採用", "今回は不採用通知", "8:15", "the rule does not find its example; widen"),
        ("採用に向けて", "採用を見送", "9:14", "narrow the rule"),
        ("see-off", "See off", "4:11", "small letters, digits and hyphens"),
    ],
)
def test_a_fault_of_a_rule_is_told_with_its_place(folder, old, new, place, what):
    write(folder, "my.yaml", RULES.replace(old, new, 1))
    (said,) = told(folder)
    assert said.startswith(f"my.yaml:{place}: ")
    assert what in said


def test_a_second_rule_of_the_same_name_in_a_file_is_a_fault(folder):
    write(folder, "my.yaml", RULES + RULES.partition("rules:\n")[2])
    (said,) = told(folder)
    assert said.startswith("my.yaml:10:11: rule see-off: see-off is used by another rule")


def test_a_later_file_takes_the_place_of_a_rule_and_may_leave_out_the_threshold(folder):
    write(folder, "gateway.yaml", GATEWAY.replace("./my.yaml", "./my.yaml, ./more.yaml"))
    write(folder, "more.yaml", RULES.replace("threshold: 3\n", "") + "    state: shadow\n")
    (pack,) = loaded(folder).policy.rules.packs
    assert pack.threshold == 3
    assert [(rule.name, rule.state) for rule in pack.rules] == [("see-off", State.SHADOW)]


def test_no_word_of_a_file_speaks_to_the_terminal(folder):
    write(folder, "gateway.yaml", GATEWAY.replace("./my.yaml", r'"./\e[2J\n"'))
    (said,) = told(folder)
    assert r"\x1b[2J\n does not exist" in said


def test_a_pack_that_is_not_shipped_is_named(folder):
    write(folder, "gateway.yaml", GATEWAY.replace("./my.yaml", "xyzzy, ./gone.yaml"))
    first, second = told(folder)
    assert first.startswith("gateway.yaml:3:9: no pack xyzzy is shipped, ")
    assert second.startswith("gateway.yaml:3:16: the rules file ")


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "1:1: the file is empty"),
        (b"# nothing\n", "1:1: the file is empty"),
        (b"- a\n", "1:1: the file must consist of keys and values"),
        ("id: a\nname: あ株式会社".encode("cp932"), "2:7: byte 0x82 is not UTF-8; save the file"),
        (b"a: " + b"[" * 99, "nested too deeply"),
        (b"a" * 1_000_001, "over 1000000 bytes"),
        (b'a: "\\U00110000"', "1:7: this is half a character, or none"),
        (b"%YAML 1.3\n---\na: 1", "this is not YAML"),
    ],
)
def test_a_file_that_is_no_settings_is_told_with_its_place(folder, raw, said):
    write(folder, "companies/acme.yaml", raw)
    (line,) = told(folder)
    assert said in line


def test_a_missing_file_is_a_fault_and_so_is_a_folder(folder):
    with pytest.raises(BadConfig, match=r"gone.yaml:1:1: the file does not exist; create it"):
        load(folder / "gone.yaml", {})
    with pytest.raises(BadConfig, match="cannot be read"):
        load(folder, {})


def test_a_byte_order_mark_and_windows_line_ends_are_no_fault(folder):
    write(folder, "gateway.yaml", b"\xef\xbb\xbf" + GATEWAY.replace("\n", "\r\n").encode())
    (listener,) = loaded(folder).listeners
    assert listener.access.clients == (ip_network("10.0.0.0/8"),)


def test_keys_whose_values_are_commented_out_count_as_left_out(folder):
    write(folder, "gateway.yaml", GATEWAY + "next_hop:\n#  host: mx.acme.example\nlog:\n")
    assert loaded(folder).next_hop is None


def test_a_smaller_message_size_lowers_what_is_inspected(folder):
    write(folder, "gateway.yaml", GATEWAY + "limits: {message_size: 1 MiB}\n")
    assert loaded(folder).policy.inspect_size == 2**20


def test_no_message_holds_a_part_of_a_secret(folder):
    for secret in ("s3cretsquirrel", "{file: s}", "{env: SHORT}", "[s3cretsquirrel]"):
        write(folder, "companies/s", "s3cretsquirrel\n")
        write(folder, "companies/acme.yaml", ACME.replace("{env: ACME_SECRET}", secret))
        with pytest.raises(BadConfig) as refusal:
            load(folder / "gateway.yaml", {"SHORT": "s3cretsquirrel"})
        assert "s3cret" not in str(refusal.value)


def test_a_secret_has_several_lines_or_words(folder):
    write(folder, "companies/s", f"{SECRET}\n\n{SECRET[::-1]}\r\n")
    keys = (SECRET.encode(), SECRET[::-1].encode())
    write(folder, "companies/acme.yaml", ACME.replace("{env: ACME_SECRET}", "{file: s}"))
    assert loaded(folder).policy.tenants[0].keys == keys
    write(folder, "companies/acme.yaml", ACME)
    config = load(folder / "gateway.yaml", {"ACME_SECRET": f"{SECRET} {SECRET[::-1]}"})
    assert config.policy.tenants[0].keys == keys
    assert SECRET not in repr(config)


@pytest.fixture
def created(folder: Path) -> Config:
    """Settings with a secret that is still to be created."""
    secret = "{file: ../var/acme.secret, create: true}"
    write(folder, "companies/acme.yaml", ACME.replace("{env: ACME_SECRET}", secret))
    return loaded(folder)


def test_reading_creates_no_secret_but_says_that_serve_will(created, folder):
    (missing,) = created.missing_secrets
    assert not (folder / "var").exists()
    assert str(missing).startswith(f"{folder}/companies/acme.yaml:5:16: the secret ")
    assert str(missing).endswith("does not exist yet; serve will create it")
    assert created.policy.tenants[0].keys == (missing.key,)
    assert repr(missing.key) not in repr(created)


def test_a_secret_is_created_once_for_our_eyes_only(created, folder):
    config = ensure_secrets(created)
    path = folder / "var/acme.secret"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert re.fullmatch(r"[0-9a-f]{64}\n", path.read_text())
    assert config.missing_secrets == ()
    assert loaded(folder).policy.tenants == config.policy.tenants
    assert list(path.parent.iterdir()) == [path]


def test_of_two_gateways_that_start_together_the_first_makes_the_secret(created, folder):
    first, second = ensure_secrets(created), ensure_secrets(loaded_before(created))
    assert first.policy.tenants == second.policy.tenants


def loaded_before(config: Config) -> Config:
    """The same settings as another gateway read them, which made up another key."""
    missing = tuple(replace(one, key=b"x" * 64) for one in config.missing_secrets)
    return replace(config, missing_secrets=missing)


def test_a_secret_that_cannot_be_created_is_told_with_its_place(created, folder):
    (folder / "var").write_text("no folder")
    with pytest.raises(BadConfig, match=r"acme.yaml:5:16: the file .* cannot be created"):
        ensure_secrets(created)


def test_the_samples_load_and_are_live(tmp_path):
    config = load(shutil.copytree(SAMPLES, tmp_path / "config") / "gateway.yaml", {})
    (tenant,) = config.policy.tenants
    assert (tenant.id, tenant.name, tenant.mode) == ("acme", "株式会社アクメ", Mode.LIVE)
    packs = {pack.language for pack in config.policy.rules.packs}
    assert packs == {file.stem for file in SHIPPED.glob("*.yaml")}
    assert config.next_hop is None
    assert [missing.tenant for missing in config.missing_secrets] == ["acme"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on", "on"),
        ("no", "no"),
        ("True", True),
        ("~", None),
        ("012", 12),
        ("0o17", 15),
        ("0x1F", 31),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("2026-01-01", "2026-01-01"),
        ("1.5e3", 1500.0),
        (".nan", ".nan"),
        ("9" * 19, "9" * 19),
    ],
)
def test_words_mean_what_yaml_1_2_says(text, value):
    assert plain(text) == value
    assert type(plain(text)) is type(value)


@given(st.characters(exclude_characters='\n\r"\\', exclude_categories=["Cs"]))
@example("\x85")
@example("\u2028")
@example("\ufeff")
@example("\ufffe")
@example("\x7f")
def test_a_character_is_read_as_it_stands_or_refused_by_its_number(tmp_path_factory, sign):
    path = tmp_path_factory.mktemp("sign") / "a.yaml"
    path.write_text(f'a: "b{sign}c"\nd: e\n', "utf-8")
    found = read(path)
    if found.faults:
        assert f"1:6: the invisible character U+{ord(sign):04X} stands here" in str(found.faults[0])
    else:
        assert found.value == {"a": f"b{sign}c", "d": "e"}
        assert found.keys[("d",)] == (2, 1)


HURTFUL = """\
listen:|rules:|a|: |- |[|]|{|}|? |*x|&x |!!int |'|"|>9|\\U00110000|\\ud800|%YAML 1.1|---|#|,
<<|99|true|~|%TAG ! x|!<x>|あ|\t|\x00|\x85|\u2028|\ufeff|\r"""
YAML_BITS = st.sampled_from([*HURTFUL.replace("\n", "|").split("|"), "\n", "  ", "|\n"])
ANY_BYTES = st.binary() | st.lists(YAML_BITS).map("".join).map(str.encode)


@given(ANY_BYTES, st.sampled_from(["gateway.yaml", "companies/acme.yaml", "my.yaml"]))
def test_any_bytes_load_or_are_refused_with_their_faults(tmp_path_factory, raw, name):
    folder = tmp_path_factory.mktemp("any")
    for its_name, text in (("my.yaml", RULES), ("gateway.yaml", GATEWAY)):
        write(folder, its_name, text)
    write(folder, "companies/acme.yaml", ACME)
    write(folder, name, raw)
    try:
        loaded(folder)
    except BadConfig:
        assert told(folder)


@given(ANY_BYTES)
@example(b"a:")
@example(b"a: b\n? c")
@example(b"- &a")
@example(b"a: !!int")
@example(b"? ")
def test_every_place_in_a_document_is_a_place_in_its_text(tmp_path_factory, raw):
    path = tmp_path_factory.mktemp("any") / "x.yaml"
    path.write_bytes(raw)
    document: Document = read(path)
    ends = raw.decode("utf-8", "replace").count("\n") + raw.count(b"\r") + 1
    for line, column in (*document.keys.values(), *document.values.values()):
        assert 1 <= line <= ends
        assert column >= 1


def test_an_address_of_one_company_in_a_domain_of_another_is_told(folder):
    other = OTHER.replace("{domains: [other.example]}", "{addresses: [saiyo@acme.example]}")
    write(folder, "companies/other.yaml", other)
    (said,) = told(folder)
    assert said.startswith("companies/other.yaml:3:")
    assert "the sender saiyo@acme.example is also that of" in said


@pytest.mark.parametrize(
    ("day", "since"),
    [
        ("approved: {by: 佐藤, on: 2026-11-20}", 1_795_132_800.0),
        ("approved: {by: 佐藤, on: '2026-11-20', from: 2026-12-01}", 1_796_083_200.0),
    ],
)
def test_links_begin_on_the_approved_day(folder, day, since):
    write(folder, "companies/acme.yaml", f"{ACME}{day}\nmarker: 【案内不要】\n")
    (tenant,) = loaded(folder).policy.tenants
    assert (tenant.since, tenant.marker) == (since, "【案内不要】")


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("approved: {by: 佐藤, on: soon}", "write a day as year-month-day, for example 2026-12-01"),
        ("marker: x", "write three signs or more that stand in no letter otherwise"),
        ("scope: {skip_tlds: [.de]}", "write the last label of a domain in small letters"),
        ("scope: {segments: [新卒]}", "choose one of any, mid_career, new_graduate"),
        ("scope: {segments: []}", "segments"),
    ],
)
def test_a_scope_that_cannot_be_meant_is_refused_with_what_to_write(folder, line, what):
    write(folder, "companies/acme.yaml", f"{ACME}{line}\n")
    assert what in "".join(told(folder))


def test_how_a_company_counts_and_when_its_months_end_is_its_own(folder):
    settings = """\
credits:
  count_on: delivered
  grant: 2
  grant_on: settled
  settle_hours: 72
  reversal_after_grant: revoke_unused
  expiry_days: 730
  value_yen: 300000
  retention_days: 500
statement: {closing_day: 25, timezone: America/New_York}
burst: {per_hour: 50}
"""
    write(folder, "companies/acme.yaml", ACME + settings)
    (tenant,) = loaded(folder).policy.tenants
    assert tenant.terms == Terms(
        grant=2,
        grant_on=GrantOn.SETTLED,
        settle_hours=72,
        reversal_after_grant=Reversal.REVOKE_UNUSED,
        expiry_days=730,
        value_yen=300000,
    )
    assert (tenant.calendar.closing_day, str(tenant.calendar.zone)) == (25, "America/New_York")
    assert (tenant.guard, tenant.retention_days) == (Guard(50), 500)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (
            "statement: {timezone: Asia/Tokio}",
            "which is no time zone; write for example Asia/Tokyo",
        ),
        ("statement: {timezone: ../../etc/passwd}", "which is no time zone"),
        ("statement: {closing_day: 32}", "32"),
        ("credits: {retention_days: 365}", "write retention_days: 400"),
        ("credits: {value_yen: 0}", "0"),
        ("credits: {reversal_after_grant: never}", "choose one of carry"),
        ("burst: {factor: 0.5}", "0.5"),
    ],
)
def test_terms_that_cannot_hold_are_faults(folder, settings, words):
    write(folder, "companies/acme.yaml", f"{ACME}{settings}\n")
    with pytest.raises(BadConfig) as refusal:
        loaded(folder)
    assert words in str(refusal.value)
