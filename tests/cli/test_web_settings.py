"""`check` on links through our own host, webhooks and the web service."""

from __future__ import annotations

import pytest

from relay_gateway.config import load
from tests.cli.conftest import COMPANY, GATEWAY, run

LINK = "link: https://careerrelay.jp/c/acme"
URL = "url: https://careerrelay.jp/c/acme"
SECRET = "whsec_QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVowMTIzNDU="


def settle(office, link=LINK, more="", web=""):
    """Write both files anew."""
    (office / "config" / "gateway.yaml").write_text(GATEWAY + web)
    company = COMPANY.replace(LINK, link) + more
    (office / "config" / "companies" / "acme.yaml").write_text(company)
    return office / "config" / "gateway.yaml"


def tenant(path):
    return load(path).policy.tenants[0]


def test_a_link_alone_leads_to_careerrelay_directly(office):
    its = tenant(settle(office))
    assert (its.link, its.front) == ("https://careerrelay.jp/c/acme", "")
    assert its.shown_link == its.link
    assert tenant(settle(office, f"link: {{{URL}}}")) == its
    assert tenant(settle(office, f"link: {{{URL}, mode: direct}}")) == its


def test_in_mode_redirect_letters_say_our_own_host(office):
    link = f"link: {{{URL}, mode: redirect, public: 'https://go.acme.example/'}}"
    its = tenant(settle(office, link, web="web: {}\n"))
    assert its.link == "https://careerrelay.jp/c/acme"
    assert its.shown_link == "https://go.acme.example/r"
    assert "https://go.acme.example/r/0123456789" in run("block", "acme").stdout


def test_check_says_where_the_web_service_is_and_for_whom(office):
    (office / "config" / "hook.secret").write_text(f"{SECRET}\n{SECRET[:-4]}xyz=\n")
    link = f"link: {{{URL}, mode: redirect, public: 'https://go.acme.example'}}"
    more = "webhook: {secret: {file: ../hook.secret}}\n"
    path = settle(office, link, more, 'web: {listen: "[::1]:8025"}\n')
    result = run("check")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "[::1]:8025, no TLS, for links of acme; webhooks of acme" in result.stdout
    assert len(tenant(path).hook_secrets) == 2
    assert "ABCDEF" not in repr(tenant(path))


def test_a_company_that_needs_a_web_service_where_there_is_none_is_told(office):
    (office / "config" / "hook.secret").write_text(SECRET)
    settle(office, more="webhook: {secret: {file: ../hook.secret}}\n")
    result = run("check")
    assert result.exit_code == 0
    assert "webhooks of acme need a web service, and this gateway runs none" in result.stderr


@pytest.mark.parametrize(
    ("link", "more", "web", "said"),
    [
        (f"link: {{{URL}, mode: redirect}}", "", "", "redirect needs the address of the web"),
        (f"link: {{{URL}, mode: Redirect}}", "", "", "did you mean redirect?"),
        ("link: {mode: direct}", "", "", "url is missing in link"),
        (f"link: {{{URL}, publik: a}}", "", "", "did you mean public?"),
        ("link: {url: 'http://a.example'}", "", "", "which is no https link"),
        ("link: [a]", "", "", "write your URL"),
        ("link: 'https://a.example?b'", "", "", "delete the ? or #"),
        (LINK, "webhook: {secret: {file: none}}\n", "", "does not exist"),
        (LINK, "webhook: {secret: {env: NOBODY_SETS_THIS}}\n", "", "is empty or not set"),
        (LINK, "webhook: {secret: {file: ../acme.secret}}\n", "", "openssl rand -base64 32"),
        (LINK, "webhook: {}\n", "", "secret is missing in webhook"),
        (LINK, "", "web: {listen: 8025}\n", "write host:port"),
        (LINK, "", "web: {tls: {certificate: none.pem}}\n", "none.pem does not exist"),
        (LINK, "", "web: {rate: 0}\n", "at least 1"),
        (LINK, "", "web: {proxies: [localhost]}\n", "which is no network"),
        (LINK, "", "web: {port: 80}\n", "unknown key port"),
    ],
)
def test_what_is_wrong_is_said(office, link, more, web, said):
    settle(office, link, more, web)
    result = run("check")
    assert result.exit_code == 78
    assert said in result.stderr
