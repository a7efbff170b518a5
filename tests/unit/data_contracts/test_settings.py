"""Settings: what a configuration may say and how a wrong one is answered.

Belongs here: `data_contracts.settings`. Does not belong: what a setting does to a mart.
"""

from pathlib import Path

import pytest

from data_contracts.settings import SettingsError, load_settings


def configured(tmp_path: Path, text: str) -> dict[str, str]:
    config = tmp_path / "returnscope.toml"
    config.write_text(text, encoding="utf-8")
    return {"RETURNSCOPE_CONFIG": str(config), "RETURNSCOPE_HOME": str(tmp_path / "home")}


def test_without_a_file_the_defaults_hold(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = load_settings({})
    assert settings.home == tmp_path / ".returnscope"
    assert settings.lake == str(tmp_path / ".returnscope" / "lake")
    assert settings.store("anything") is None


def test_a_store_is_read_with_its_marketplaces(tmp_path):
    env = configured(tmp_path, '[stores.acme]\nregion = "eu"\nmarketplaces = ["GB", "DE"]\n')
    store = load_settings(env).store("acme")
    assert store.marketplaces == ("UK", "DE")
    assert store.first.time_zone == "Europe/London"


def test_a_mistyped_store_does_not_open_a_new_one(tmp_path):
    env = configured(tmp_path, '[stores.acme]\nregion = "na"\nmarketplaces = ["US"]\n')
    with pytest.raises(SettingsError, match=r"acme.*\[stores\.acne\]"):
        load_settings(env).store("acne")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("[stores.a]\nregion = 'xx'\nmarketplaces = ['US']", "stores.a.region"),
        ("[stores.a]\nregion = 'na'\nmarketplaces = ['XX']", "stores.a.marketplaces"),
        ("[stores.a]\nregion = 'na'\nmarketplaces = []", "stores.a.marketplaces"),
        ("[settings]\nunheard_of = 1", "unheard_of"),
        ("[thresholds.fba_return]\nshare = 0.1", "thresholds"),
        ("not toml", "not valid TOML"),
    ],
)
def test_a_wrong_key_is_named_with_its_file(tmp_path, text, names):
    with pytest.raises(SettingsError, match=names) as caught:
        load_settings(configured(tmp_path, text))
    assert "returnscope.toml" in str(caught.value)


def test_a_named_file_must_exist(tmp_path):
    with pytest.raises(SettingsError, match="does not exist"):
        load_settings({"RETURNSCOPE_CONFIG": str(tmp_path / "none.toml")})


def test_thresholds_of_the_user_win(tmp_path):
    settings = load_settings(configured(tmp_path, "[thresholds.orders]\nshare = 0.5\nrows = 9\n"))
    assert settings.bad_rows("orders").rows == 9
    assert settings.bad_rows("fba_returns").rows == 5


def test_paths_in_the_file_are_relative_to_it(tmp_path):
    settings = load_settings(configured(tmp_path, 'fx_rates = "fx.csv"\n[mappings]\nmine = "maps/mine.toml"\n'))
    assert settings.fx_rates == tmp_path / "fx.csv"
    assert settings.mappings["mine"] == tmp_path / "maps" / "mine.toml"
