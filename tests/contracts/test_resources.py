"""Every reason class and kind of alert has its guide, in both languages. Does not belong here: how they are shown."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from data_contracts import reference

ROOT = Path(__file__).resolve().parents[2]
RESOURCES = ROOT / "docs" / "resources"
LANGUAGES = ("en", "zh")


def alert_kinds() -> list[str]:
    """The kinds that the mart's own test allows."""
    text = (ROOT / "dbt_project/models/marts/mart_alerts.yml").read_text(encoding="utf-8")
    conditions = yaml.safe_load(text)["models"][0]["data_tests"][1]["holds"]["arguments"]["conditions"]
    (allowed,) = [condition for condition in conditions if condition.startswith("kind in")]
    return re.findall(r"'(\w+)'", allowed)


def guides() -> list[str]:
    return [row["reason_class"] for row in reference.read("reason_classes")] + [
        f"alert_{kind}" for kind in alert_kinds()
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_class_and_alert_has_a_guide(language: str) -> None:
    assert len(guides()) >= 24
    for name in guides():
        text = (RESOURCES / language / "guides" / f"{name}.md").read_text(encoding="utf-8")
        title, _, body = text.partition("\n")
        assert title.startswith("# "), name
        assert len(body.strip()) > 40, name
        assert bool(re.search(r"[\u4e00-\u9fff]", title)) == (language == "zh"), name


@pytest.mark.parametrize("kind", ["guides", "faq"])
def test_both_languages_have_the_same_pages(kind: str) -> None:
    pages = {language: {path.stem for path in (RESOURCES / language / kind).glob("*.md")} for language in LANGUAGES}
    assert pages["en"] == pages["zh"] != set()


def words_of_the_panel(section: str) -> list[dict[str, str]]:
    return [
        tomllib.loads((ROOT / f"panel/i18n/{language}.toml").read_text(encoding="utf-8"))[section]
        for language in LANGUAGES
    ]


def test_messages_of_alerts_use_the_words_of_the_panel() -> None:
    """dbt and the panel know nothing of each other, so both have the words; here they are equal."""
    text = (ROOT / "dbt_project/macros/marts/alerts.sql").read_text(encoding="utf-8")
    body = text.partition("macro dispute_words() -%}")[2].partition("endmacro")[0]
    said = {code: words for code, *words in re.findall(r"'(\w+)': \['([^']*)', '([^']*)'\]", body)}
    panel = words_of_the_panel("case")
    assert said == {code: [words[code] for words in panel] for code in said}
    assert len(said) >= 7


def test_reasons_are_named_as_in_the_panel() -> None:
    panel = words_of_the_panel("reason")
    for row in reference.read("reason_classes"):
        assert [row["name_en"], row["name_zh"]] == [words[row["reason_class"]] for words in panel]
