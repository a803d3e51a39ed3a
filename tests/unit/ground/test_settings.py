"""Settings: read once, refused with the variable's name, documented."""

from pathlib import Path

import pytest

from octostar_runtime import settings as module
from octostar_runtime.errors import SettingsError
from octostar_runtime.settings import load_settings, settings_page

ROOT = Path(module.__file__).parents[1]


@pytest.mark.parametrize(
    ("variable", "value", "complaint"),
    [
        ("OCTOSTAR_BIND", "8080", "OCTOSTAR_BIND: write it as address:port"),
        ("OCTOSTAR_BIND", "0.0.0.0:http", "OCTOSTAR_BIND: write it as address:port"),
        ("OCTOSTAR_UI_PORT", "70000", "OCTOSTAR_UI_PORT: Input should be less than or equal to 65535"),
        ("OCTOSTAR_POOLS", '{"a": {"size": 0}}', "OCTOSTAR_POOLS.a.size: Input should be greater than or equal to 1"),
        ("OCTOSTAR_POOLS", '{"a": {"sice": 3}}', "OCTOSTAR_POOLS.a.sice: Extra inputs are not permitted"),
        ("OCTOSTAR_POOLS", "{", "OCTOSTAR_POOLS"),
        ("OCTOSTAR_SHOW_PERSONAL", "everything", "OCTOSTAR_SHOW_PERSONAL: Input should be"),
    ],
)
def test_a_bad_setting_is_refused_by_the_name_of_its_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, complaint: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert complaint in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_pool_named_default_is_always_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCTOSTAR_POOLS", '{"cpu": {"size": 2}}')
    assert set(load_settings().pools) == {"default", "cpu"}


def test_the_store_is_sqlite_in_the_state_directory_unless_a_database_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OCTOSTAR_STATE_DIR", str(tmp_path))
    assert load_settings().store_url == f"sqlite:///{tmp_path / 'store.sqlite3'}"
    monkeypatch.setenv("DATABASE_URL", "postgres://u@127.0.0.1/db")
    assert load_settings().store_url == "postgresql+psycopg://u@127.0.0.1/db"


@pytest.mark.parametrize(("given", "normal"), [("", ""), ("/", ""), ("apps/demo", "/apps/demo"), ("/a/", "/a")])
def test_the_base_path_has_a_leading_slash_and_no_trailing_one(
    monkeypatch: pytest.MonkeyPatch, given: str, normal: str
) -> None:
    monkeypatch.setenv("OCTOSTAR_BASE_PATH", given)
    assert load_settings().base_path == normal


def test_every_setting_has_a_description() -> None:
    assert [name for name, field in module.Settings.model_fields.items() if not field.description] == []


def test_the_documented_table_is_the_one_the_code_makes() -> None:
    documented = (ROOT / "docs" / "settings.md").read_text()
    assert documented == settings_page(), "run: python -m octostar_runtime.settings > docs/settings.md"
