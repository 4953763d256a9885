"""The papers stay true: every command, key and reason is named, and what they show is what is."""

from __future__ import annotations

import json
import re
import runpy
import shutil
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from relay_gateway.cli import main
from relay_gateway.cli.rules import rules
from relay_gateway.config import load
from relay_gateway.config.schema import texts
from relay_gateway.core.judge import judge
from relay_gateway.core.letter import read_plain
from relay_gateway.core.reason import Reason
from relay_gateway.core.rules import Role
from relay_gateway.core.segment import Segment
from relay_gateway.core.words import LANGUAGES, Manner, Style, added, lines

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
OPERATING = (ROOT / "docs" / "operating.md").read_text("utf-8")
SKIP = (ROOT / "docs" / "skip.md").read_text("utf-8")
WORDING = (ROOT / "docs" / "wording.md").read_text("utf-8")
OPERATOR = "キャリアリレー株式会社 有料職業紹介事業許可番号 13-ユ-000000"
RULES = (ROOT / "docs" / "rules.md").read_text("utf-8")
PAPERS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def keys(schema, node=None):
    """The names of all settings in a schema, nested ones too."""
    for name, its in ((node or schema).get("properties") or {}).items():
        yield name
        for each in [its, *its.get("anyOf", [])]:
            target = each.get("$ref", "").rpartition("/")[2]
            if target in schema.get("$defs", {}):
                yield from keys(schema, schema["$defs"][target])


def is_named(name, text):
    return re.search(rf"`[^`]*\b{re.escape(name)}\b[^`]*`|\b{re.escape(name)}:", text) is not None


@pytest.mark.parametrize("name", sorted(main.commands))
def test_every_command_is_in_the_readme_and_says_what_it_does(name):
    assert f"`{name}" in README
    assert main.commands[name].opened().help


@pytest.mark.parametrize("name", sorted(rules.commands))
def test_every_tool_of_the_rules_is_in_both_papers_and_says_what_it_does(name):
    assert f"`rules {name}" in README
    assert f"`rules {name}" in RULES
    assert rules.commands[name].help


def test_every_command_that_the_readme_and_the_paper_on_rules_name_exists():
    text = f"{README}\n{RULES}"
    named = set(re.findall(r"(?:`|bin/|^(?:\$ )?)relay-gateway ([a-z]+)", text, re.MULTILINE))
    assert "explain" in named
    assert named <= set(main.commands)
    tools = set(re.findall(r"(?:`|gateway )rules ([a-z]+)", text))
    assert tools == set(rules.commands)


@pytest.mark.parametrize("kind", ["gateway", "company"])
def test_every_setting_is_explained(kind):
    schema = json.loads(texts()[f"{kind}.schema.json"])
    unnamed = [name for name in keys(schema) if not is_named(name, OPERATING)]

    assert unnamed == []


def test_every_key_of_a_rule_is_explained():
    schema = json.loads(texts()["rules.schema.json"])

    assert [
        key for key in schema["$defs"]["RuleEntry"]["properties"] if f"`{key}" not in RULES
    ] == []
    assert [role for role in Role if f"`{role}`" not in RULES] == []


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_explained(reason):
    assert f"`{reason}`" in SKIP


def test_the_shipped_words_stand_in_the_paper_on_wording():
    shown = re.findall(r"```text\n(.*?)\n```", WORDING, re.DOTALL)
    told = [
        lines(language, Segment.ANY, Manner(style))
        for style in reversed(Style)
        for language in LANGUAGES
    ]
    assert shown == ["\n".join(each) for each in told]
    manner = Manner(opt_out="saiyo@acme.example", disclosure=True, operator=OPERATOR)
    assert all(f"| {line} |" in WORDING for line in added("ja", manner))
    assert all(f"`{kind}`" in WORDING for kind in Segment)


def test_the_settings_in_the_paper_on_wording_load(tmp_path):
    config = shutil.copytree(ROOT / "config", tmp_path / "config")
    path = config / "companies" / "acme.yaml"
    settings = WORDING.split("```yaml\n")[1].split("```")[0]
    path.write_text(path.read_text("utf-8") + settings, "utf-8")
    loaded = load(config / "gateway.yaml", {})
    assert loaded.cautions == ()
    wording = loaded.policy.tenants[0].wordings["ja"]
    assert wording.manner.style is Style.SHORT
    assert wording.segments[Segment.NEW_GRADUATE][0].startswith("学生の皆様の")


GRANT = """\
佐藤 太郎 様

アクメ財団の研究助成にご応募いただき、誠にありがとうございました。
慎重に選考を進めました結果、誠に残念ながら今回は採用を見送らせて
いただくこととなりました。

今後のご活躍をお祈り申し上げます。
"""


def test_the_rule_that_the_paper_on_rules_adds_vetoes_a_declined_grant(tmp_path):
    config = shutil.copytree(ROOT / "config", tmp_path / "config")
    own, changes = (text.split("```")[0] for text in RULES.split("```yaml\n")[1:3])
    (config / "rules").mkdir()
    for name, text in (("own", own), ("changes", changes)):
        (config / "rules" / f"{name}.yaml").write_text(text, "utf-8")
    tested = CliRunner().invoke(main, ["rules", "test", str(config / "rules" / "own.yaml")])
    assert tested.exit_code == 0, tested.output
    shown = RULES.split("\nrules: [ja, en,")[1].split("]")[0]
    gateway = config / "gateway.yaml"
    settings = re.sub("(?m)^rules:.*$", "", gateway.read_text("utf-8"))
    named = f"rules: [ja, en,{shown}, ./rules/changes.yaml]\n"
    gateway.write_text(settings + named, "utf-8")
    rules = load(gateway, {}).policy.rules
    assert "acme-foundation-grant" in judge("選考結果のご連絡", read_plain(GRANT), rules).vetoes
    job = GRANT.replace("アクメ財団の研究助成", "弊社の営業職")
    assert judge("選考結果のご連絡", read_plain(job), rules).is_rejection
    staff = GRANT.replace("研究助成に", "研究助成担当職員の求人に")
    assert "acme-foundation-grant" not in judge("", read_plain(staff), rules).vetoes


def test_the_readme_s_figures_are_those_of_the_corpus(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["detection.py"])
    monkeypatch.setattr(sys, "path", [*sys.path])
    runpy.run_path(str(ROOT / "benchmarks" / "detection.py"), run_name="__main__")
    told = capsys.readouterr().out
    for language, name in (("ja", "Japanese"), ("en", "English")):
        found, others = (
            re.search(rf"{language}  {kind} +(\d+) of +(\d+)", told).groups()
            for kind in ("rejection", "other")
        )
        row = next(line for line in README.splitlines() if line.startswith(f"| {name} |"))
        assert f"{found[0]} of {found[1]} (" in row
        assert f"{others[0]} of {others[1]} (" in row


@pytest.mark.parametrize("path", PAPERS, ids=lambda path: path.name)
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text("utf-8")):
        assert (path.parent / target).exists(), target


def masked(text):
    """Lines without what is new in each run: tokens and marks."""
    text = re.sub(r"v1 [0-9a-f]+", "v1 MARK", text)
    text = re.sub(r"/c/acme/\w{24}", "/c/acme/TOKEN", text)
    return [line.strip() for line in text.splitlines() if line.strip()]


def test_the_readme_shows_what_the_demo_prints():
    shown = README.split("```text\n")[1].split("```")[0]
    printed = masked(CliRunner().invoke(main, ["demo"]).output)

    assert set(masked(shown)) - {"…"} <= set(printed)
