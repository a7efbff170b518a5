"""Cases of ended alerts: one for each, in both languages, always the same, without personal data.

The releases here are made of tables written in the tests.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import duckdb
import pytest

from ingestion.lake import Lake, open_lake
from orchestration import publish, releases
from orchestration.cases import write_cases
from orchestration.home import Home
from orchestration.models import PublishedModel
from orchestration.plan import Plan

KEYS = {
    "mart_alerts": ("alert_id",),
    "mart_asin_insights": ("store", "marketplace", "asin", "channel", "window_days"),
    "mart_performance": ("store", "marketplace", "asin", "window_days"),
    "mart_dispute_desk": ("case_id",),
    "mart_return_rules": ("store", "marketplace", "asin"),
    "fct_decisions": ("decision_id",),
}
ALERT = "alert_id, kind, store, marketplace, asin, subject, date '2026-01-05' as first_seen, message_en, message_zh"
HIGH = "('high000000000001', 'high_return_rate', 's', 'US', 'A1', null, '30 of 100 units came back.', '退货30件。')"
DUE = (
    "('due0000000000002', 'dispute_due', 's', 'US', 'A2', 'c2', "
    "'Refund due, order 111-2222222-3333333, due 2026-01-12.', '应退款，订单 111-2222222-3333333。')"
)
GAP = "('gap0000000000003', 'incomplete_data', 's', null, null, 'orders', 'Orders: 2 days.', '订单：2天。')"


def alerts(*rows: str) -> str:
    columns = "alert_id, kind, store, marketplace, asin, subject, message_en, message_zh"
    given = ", ".join(rows or (HIGH,))
    return f"select {ALERT} from (values {given}) as rows ({columns})" + ("" if rows else " where false")


def insights(shipped: int, returned: int, reason: str) -> str:
    return (
        f"select 's' as store, 'US' as marketplace, 'A1' as asin, 'ALL' as channel, 30 as window_days, "
        f"{shipped} as units_shipped, {returned} as units_returned, {returned / shipped} as return_rate, "
        f"'{reason}' as top_reason_class"
    )


def tables(
    *rows: str, rule: str, case: bool, shipped: int = 100, returned: int = 30, reason: str = "size_fit"
) -> dict[str, str]:
    decisions = (
        "select * from (values "
        "('d1', 's', 'c2', 'A2', 'refund_full', date '2026-01-02', 'Jane Doe called', 'ops@x.example'), "
        "('d2', 's', 'c9', 'A1', 'approve', date '2026-01-07', 'note', 'ops'), "
        "('d3', 's', 'c9', 'A1', 'done', date '2025-12-07', 'too old', 'ops')) "
        "as rows (decision_id, store, case_id, asin, decision, decided_on, note, decided_by)"
    )
    desk = (
        "select 'c2' as case_id, 's' as store, 'decided' as state, "
        """'["refund of 2026-01-01, 111-2222222-3333333"]' as evidence, """
        """'["退款 2026-01-01，111-2222222-3333333"]' as evidence_zh"""
    )
    return {
        "mart_alerts": alerts(*rows),
        "mart_asin_insights": insights(shipped, returned, reason),
        "mart_performance": "select 's' as store, 'US' as marketplace, 'A1' as asin, 30 as window_days, "
        "0.125 as critical_review_rate",
        "mart_dispute_desk": desk + ("" if case else " where false"),
        "mart_return_rules": f"select 's' as store, 'US' as marketplace, 'A1' as asin, {rule} as current_rule",
        "fct_decisions": f"select *, decided_on::timestamptz as decided_at from ({decisions})",
    }


class Shop:
    """A lake and a home in which releases are made current."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.lake, self.home = folder, open_lake(folder / "lake"), Home(folder / "home")
        self.number = 0

    def publish(self, day: int, made: Mapping[str, str], **settings: object) -> None:
        self.number += 1
        scratch = self.folder / f"scratch{self.number}"
        scratch.mkdir()
        with duckdb.connect() as con:
            con.execute("create schema marts")
            for name, query in made.items():
                con.execute(f"create table marts.{name} as {query}")
            models = [PublishedModel(name, f'"marts"."{name}"', name, KEYS[name], {}, {}, frozenset()) for name in made]
            plan = Plan(date(2026, 1, day), None, (), {"number": self.number, **settings}, {"code": "c0de"})
            manifest = publish.make_manifest(plan, publish.export(con, models, scratch))
        publish.store_release(self.lake, manifest, scratch)
        publish.make_current(self.lake, self.home, manifest, releases.current(self.lake), scratch)

    def cases(self, language: str = "en") -> dict[str, str]:
        found = sorted((self.home.cases / language).glob("*.md"))
        return {path.stem: path.read_text(encoding="utf-8") for path in found}


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def test_a_case_says_what_was_seen_changed_and_what_happened_after(shop: Shop) -> None:
    then = tables(HIGH, DUE, GAP, rule="'standard'", case=True, shipped=1000, returned=300)
    shop.publish(9, then, rates="a" * 64)
    assert write_cases(shop.lake, shop.home) == []  # nothing was published before
    after = tables(GAP, rule="'cheap items'", case=False, shipped=1100, returned=110, reason="damaged")
    shop.publish(10, after, rates="b" * 64, settings={"is_strict": True})
    made = write_cases(shop.lake, shop.home)
    assert made == ["2026-01-10-dispute_due-due000000000", "2026-01-10-high_return_rate-high00000000"]
    due, high = shop.cases().values()
    assert high == (
        "# Resolved: High return rate (A1, US, s)\n\n"
        "## What was seen\n30 of 100 units came back.\n\n"
        "It stood from 5 Jan 2026 to 9 Jan 2026; on 10 Jan 2026 it had ended.\n\n"
        "## What was changed\n- 7 Jan 2026: approved\n- Return rule: standard → cheap items\n"
        "- Setting `number`: 1 → 2\n- Setting `rates` was changed\n- Setting `settings.is_strict`: none → yes\n\n"
        "## What happened after\n| figure, 30 days | 9 Jan 2026 | 10 Jan 2026 |\n|---|--:|--:|\n"
        "| Units shipped | 1,000 | 1,100 |\n| Units returned | 300 | 110 |\n| Return rate | 30.0% | 10.0% |\n"
        "| Critical review rate | 12.5% | 12.5% |\n| Top reason | Size and fit | Damaged |\n\n"
        "[Guide](guides/alert_high_return_rate)\n"
    )
    assert "2 Jan 2026: refunded in full" in due
    assert "It rested on:\n\n- refund of 2026-01-01, …\n" in due
    assert "The case has left the desk." in due
    chinese_due, chinese_high = shop.cases("zh").values()
    assert chinese_high == (
        "# 已解决：退货率偏高 (A1, US, s)\n\n"
        "## 发现了什么\n退货30件。\n\n"
        "持续时间：2026年1月5日 至 2026年1月9日；2026年1月10日 已结束。\n\n"
        "## 做了哪些改变\n- 2026年1月7日：批准\n- 退货规则：standard → cheap items\n"
        "- 设置 `number`：1 → 2\n- 设置 `rates` 已更改\n- 设置 `settings.is_strict`：无 → 是\n\n"
        "## 之后如何\n| 指标（近30天） | 2026年1月9日 | 2026年1月10日 |\n|---|--:|--:|\n"
        "| 发货件数 | 1,000 | 1,100 |\n| 退货件数 | 300 | 110 |\n| 退货率 | 30.0% | 10.0% |\n"
        "| 差评率 | 12.5% | 12.5% |\n| 首要原因 | 尺码不合 | 损坏 |\n\n"
        "[指南](guides/alert_high_return_rate)\n"
    )
    assert "依据：\n\n- 退款 2026-01-01，…\n" in chinese_due
    assert "全额退款" in chinese_due
    for text in (due, high, chinese_due, chinese_high):
        for secret in ("Jane", "ops@x.example", "111-2222222-3333333", "too old"):
            assert secret not in text


def test_cases_are_the_same_however_often_and_a_lost_home_gets_them_back(shop: Shop, tmp_path: Path) -> None:
    shop.publish(9, tables(HIGH, rule="null", case=False))
    shop.publish(9, tables(rule="null", case=False))  # late data of the same night
    assert len(write_cases(shop.lake, shop.home)) == 1
    first = shop.cases()
    assert write_cases(shop.lake, shop.home) == []
    shop.home = Home(tmp_path / "other")
    assert write_cases(shop.lake, shop.home) == []
    assert shop.cases() == first != {}
    assert set(shop.cases("zh")) == set(first)


def test_a_look_back_and_an_alert_that_stands_make_no_case(shop: Shop) -> None:
    shop.publish(9, tables(HIGH, rule="null", case=False))
    shop.publish(3, tables(rule="null", case=False))
    assert write_cases(shop.lake, shop.home) == []
    shop.publish(10, tables(HIGH, rule="null", case=False))
    shop.publish(11, tables(HIGH, DUE, rule="null", case=False))
    assert write_cases(shop.lake, shop.home) == []
    assert shop.cases() == {}


def test_a_lake_that_refuses_is_a_warning(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    shop.publish(9, tables(HIGH, rule="null", case=False))
    shop.publish(10, tables(rule="null", case=False))

    def full(*_: object) -> bool:
        raise OSError("no space left on device")

    with caplog.at_level(logging.WARNING), monkeypatch.context() as patched:
        patched.setattr(type(shop.lake), "put_new", full)
        assert write_cases(shop.lake, shop.home) == []
    assert "no space left on device" in caplog.text
    assert len(write_cases(shop.lake, shop.home)) == 1
    assert isinstance(shop.lake, Lake)


def test_a_case_that_is_not_pressing_any_more_says_where_it_stands(shop: Shop) -> None:
    shop.publish(9, tables(DUE, rule="null", case=True))
    shop.publish(10, tables(rule="null", case=True))
    write_cases(shop.lake, shop.home)
    assert "The case is on the desk, state: decided." in "".join(shop.cases().values())
    assert "案件仍在处理台，状态：已处理。" in "".join(shop.cases("zh").values())
