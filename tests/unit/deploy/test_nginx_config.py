"""nginx.conf as text: what the settings change in it, and what they can never smuggle in."""

import re
from pathlib import Path

import pytest

from octostar_runtime.deploy.layout import Layout
from octostar_runtime.deploy.nginx_config import render_nginx
from octostar_runtime.errors import CannotStart
from octostar_runtime.settings import Settings

ROOT = Path(__file__).resolve().parents[3]


def rendered(**settings: object) -> str:
    layout = Layout(settings=Settings.model_validate(settings), app=Path("app.py"), edge_secret="s3cret")
    return render_nginx(layout)


def test_the_checked_in_nginx_conf_is_what_the_defaults_give() -> None:
    expected = render_nginx(Layout(settings=Settings.model_construct(), app=Path("app.py")))
    assert (ROOT / "nginx.conf").read_text() == expected, (
        "run: python -m octostar_runtime.deploy.nginx_config > nginx.conf"
    )


def test_no_placeholder_is_left() -> None:
    text = rendered(base_path="/apps/demo", trusted_proxy="10.0.0.1", desktop=True)
    assert not re.search(r"@\{[a-z]", text)


def test_addresses_and_ports_are_those_of_the_settings() -> None:
    text = rendered(bind="0.0.0.0:9090", ui_port=7001, api_port=7002)
    assert "listen 0.0.0.0:9090;" in text
    assert "127.0.0.1:7001$inner_uri" in text
    assert "127.0.0.1:7002$inner_uri" in text


def test_upstreams_are_literal_addresses_because_localhost_may_be_ipv6_first() -> None:
    assert "localhost" not in rendered()


def test_networks_of_the_trusted_proxy_are_normal() -> None:
    text = rendered(trusted_proxy="10.0.0.5, 192.168.7.9/24,fd00::1")
    for network in ("10.0.0.5/32 1;", "192.168.7.0/24 1;", "fd00::1/128 1;"):
        assert network in text


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("base_path", "/a;return 200"),
        ("base_path", "/a b"),
        ("base_path", "/a{b"),
        ("base_path", "/$host"),
        ("frame_ancestors", "'self'; script-src *"),
        ("frame_ancestors", 'https://a.example"; add_header X y'),
        ("frame_ancestors", "$host"),
        ("frame_ancestors", "a\nb"),
        ("frame_ancestors", ""),
        ("trusted_proxy", "10.0.0.0/8; allow all"),
        ("trusted_proxy", "proxy.example.org"),
        ("proxy_user_header", "X-User; evil"),
        ("proxy_roles_header", ""),
    ],
)
def test_a_setting_cannot_end_a_directive_and_the_refusal_names_it(setting: str, value: str) -> None:
    with pytest.raises(CannotStart, match=f"OCTOSTAR_{setting.upper()}: "):
        rendered(**{setting: value})


def test_the_waiting_page_fits_into_a_quoted_nginx_string() -> None:
    page = (ROOT / "octostar_runtime/deploy/waiting.html").read_text()
    assert not set("'$\\") & set(page)
    # nginx reads a configuration token of at most 4096 bytes
    assert len(page.encode()) < 4000
