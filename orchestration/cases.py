"""The case library: for every alert that has ended, what was seen, what was changed and what happened after.

Belongs here: comparing the alerts of two releases and writing what is known of those that ended. Does not belong: when
an alert ends (the marts say it), guides written by people (docs/resources).

A case is made when a release no longer has an alert of the one before it. It is Markdown in English and Chinese, a pure
function of the two releases, kept in the lake under `cases/<language>/<name>.md` and copied to the home's
`published/cases/`, where the panel looks. It holds no personal data: no notes, no names, no order numbers, no comments.
"""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from data_contracts.reasons import name_of
from ingestion.failures import ReturnscopeError
from orchestration import releases

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

    from ingestion.lake import Lake
    from orchestration.home import Home
    from orchestration.releases import Manifest

log = logging.getLogger(__name__)

PREFIX = "cases"
LANGUAGES = ("en", "zh")
#: a value longer than this is not said, only that it changed (digests of files, lists)
_LONG = 40
_ORDER_NUMBER = re.compile(r"\b[A-Z0-9]{3}-\d{7}-\d{7}\b")
Row = Mapping[str, Any]

_KINDS = {
    "high_return_rate": ("High return rate", "退货率偏高"),
    "critical_reviews": ("Critical reviews", "差评"),
    "reason_surge": ("A reason surged", "原因骤增"),
    "fee_threshold": ("High-return-rate fee", "高退货率费用"),
    "dispute_due": ("A case was due", "案件到期"),
    "unmapped_codes": ("Unknown reason code", "未知原因代码"),
    "incomplete_data": ("Incomplete data", "数据不完整"),
}
_DECISIONS = {
    "approve": ("approved", "批准"),
    "decline": ("declined", "拒绝"),
    "refund_full": ("refunded in full", "全额退款"),
    "refund_partial": ("refunded in part", "部分退款"),
    "claim_filed": ("claim filed", "已提交索赔"),
    "done": ("recorded as done", "记为完成"),
}
_STATES = {
    "open": ("open", "待处理"),
    "overdue": ("overdue", "已逾期"),
    "filed": ("claim filed", "已提交索赔"),
    "decided": ("decided", "已处理"),
    "done": ("done", "已完成"),
}
#: words of the page: English, Chinese
_WORDS = {
    "resolved": ("Resolved: ", "已解决："),
    "seen": ("What was seen", "发现了什么"),
    "stood": ("It stood from {0} to {1}; on {2} it had ended.", "持续时间：{0} 至 {1}；{2} 已结束。"),
    "rested": ("It rested on:", "依据："),
    "changed": ("What was changed", "做了哪些改变"),
    "decided": ("{0}: {1}", "{0}：{1}"),
    "rule": ("Return rule: {0} → {1}", "退货规则：{0} → {1}"),
    "setting": ("Setting `{0}`: {1} → {2}", "设置 `{0}`：{1} → {2}"),
    "setting_long": ("Setting `{0}` was changed", "设置 `{0}` 已更改"),
    "nothing": (
        "No decision, no change of rules or settings is recorded: it ended by itself, or by what was done elsewhere.",
        "没有记录到任何决定、规则或设置的更改；可能自行结束，或由其他操作解决。",
    ),
    "after": ("What happened after", "之后如何"),
    "figure": ("figure, 30 days", "指标（近30天）"),
    "no_figures": ("No figures of an item belong to this alert.", "此提醒没有对应商品的指标。"),
    "off_desk": ("The case has left the desk.", "案件已从处理台移除。"),
    "on_desk": ("The case is on the desk, state: {0}.", "案件仍在处理台，状态：{0}。"),
    "guide": ("Guide", "指南"),
    "yes": ("yes", "是"),
    "no": ("no", "否"),
    "none": ("none", "无"),
}
_FIGURES = (
    ("units_shipped", "Units shipped", "发货件数"),
    ("units_returned", "Units returned", "退货件数"),
    ("return_rate", "Return rate", "退货率"),
    ("critical_review_rate", "Critical review rate", "差评率"),
    ("top_reason_class", "Top reason", "首要原因"),
)


@dataclass(frozen=True)
class Case:
    """One ended alert. name: file name without ending. texts: Markdown by language."""

    name: str
    texts: Mapping[str, str]


class _Release:
    """The marts of a release that a case asks."""

    def __init__(self, con: duckdb.DuckDBPyConnection, lake: Lake, manifest: Manifest) -> None:
        self.con, self.lake, self.manifest = con, lake, manifest

    def rows(self, mart: str, condition: str = "true", values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Rows of a mart; none where the release does not have it."""
        if mart not in self.manifest.marts:
            return []
        path = str(releases.mart_path(self.lake, self.manifest, mart))
        found = self.con.execute(f"select * from read_parquet(?) where {condition} order by all", [path, *values])
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def item(self, mart: str, alert: Row, more: str = "true") -> Row:
        """The one row of the alert's item; empty where there is none."""
        condition = f"store = ? and marketplace is not distinct from ? and asin is not distinct from ? and {more}"
        found = self.rows(mart, condition, [alert["store"], alert["marketplace"], alert["asin"]])
        return found[0] if found else {}


def resolved(lake: Lake, before: Manifest, after: Manifest) -> Iterator[Case]:
    """A case for each alert of one release that the other, of the same or a later day, no longer has."""
    import duckdb

    if after.as_of < before.as_of:
        return  # a look back ends no alert
    with duckdb.connect() as con:
        con.execute("set TimeZone = 'UTC'")
        then, now = _Release(con, lake, before), _Release(con, lake, after)
        standing = {row["alert_id"] for row in now.rows("mart_alerts")}
        if "mart_alerts" not in after.marts:
            return
        for alert in then.rows("mart_alerts"):
            if alert["alert_id"] not in standing:
                yield _case(alert, then, now)


def _case(alert: Row, then: _Release, now: _Release) -> Case:
    name = f"{now.manifest.as_of}-{alert['kind']}-{alert['alert_id'][:12]}"
    return Case(name, {language: _text(alert, then, now, place) for place, language in enumerate(LANGUAGES)})


def _text(alert: Row, then: _Release, now: _Release, language: int) -> str:
    def say(word: str, *values: object) -> str:
        return _WORDS[word][language].format(*values)

    kind = _KINDS.get(alert["kind"], (alert["kind"], alert["kind"]))[language]
    where = ", ".join(str(alert[name]) for name in ("asin", "marketplace", "store") if alert[name])
    message = alert["message_zh"] if language else alert["message_en"]
    lines = [f"# {say('resolved')}{kind} ({where})", "", f"## {say('seen')}", _ORDER_NUMBER.sub("…", message), ""]
    if evidence := _evidence(alert, then, language):
        lines += [say("rested"), "", *(f"- {_ORDER_NUMBER.sub('…', text)}" for text in evidence), ""]
    days = (alert["first_seen"], then.manifest.as_of, now.manifest.as_of)
    lines += [say("stood", *(_day(day, language) for day in days)), ""]
    lines += [f"## {say('changed')}"]
    changes = [f"- {change}" for change in _changes(alert, then, now, language)]
    lines += [*(changes or [say("nothing")]), "", f"## {say('after')}", *_after(alert, then, now, language), ""]
    lines += [f"[{say('guide')}](guides/alert_{alert['kind']})"]
    return "\n".join(lines) + "\n"


def _evidence(alert: Row, then: _Release, language: int) -> list[str]:
    """The rows that the case behind an alert rested on; none for an alert about figures, whose message says them."""
    if alert["kind"] != "dispute_due":
        return []
    case = next(iter(then.rows("mart_dispute_desk", "case_id = ?", [alert["subject"]])), {})
    return list(json.loads(case.get(("evidence", "evidence_zh")[language]) or "[]"))


def _changes(alert: Row, then: _Release, now: _Release, language: int) -> Iterator[str]:
    """Decisions about the alert's case, or its item, while it stood; another rule for the item; other settings."""
    key = ("case_id", alert["subject"]) if alert["kind"] == "dispute_due" else ("asin", alert["asin"])
    if key[1] is not None:
        since = date.min if key[0] == "case_id" else alert["first_seen"]  # a case may be decided before it is pressing
        days = [alert["store"], key[1], since, now.manifest.as_of]
        condition = f"store = ? and {key[0]} = ? and decided_on between ? and ?"
        for row in sorted(now.rows("fct_decisions", condition, days), key=lambda row: str(row["decided_at"])):
            words = _DECISIONS.get(row["decision"], (row["decision"],) * 2)[language]
            yield _WORDS["decided"][language].format(_day(row["decided_on"], language), words)
    if alert["asin"] is not None:
        rules = [release.item("mart_return_rules", alert).get("current_rule") for release in (then, now)]
        if rules[0] != rules[1]:
            none = _WORDS["none"][language]
            yield _WORDS["rule"][language].format(rules[0] or none, rules[1] or none)
    old, new = _flat(then.manifest.settings), _flat(now.manifest.settings)
    for name in sorted({*old, *new}):
        values = old.get(name), new.get(name)
        if values[0] != values[1]:
            is_long = any(isinstance(value, list) or len(str(value)) > _LONG for value in values)
            word = _WORDS["setting_long" if is_long else "setting"][language]
            yield word.format(name, *(_set(value, language) for value in values))


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Settings by their path, as in `settings.processing_days`."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        path = f"{prefix}{name}"
        found |= _flat(value, f"{path}.") if isinstance(value, dict) else {path: value}
    return found


def _set(value: object, language: int) -> str:
    """A setting's value as it is written in a sentence."""
    if value is None or isinstance(value, bool):
        return _WORDS["none" if value is None else "yes" if value else "no"][language]
    return str(value)


def _after(alert: Row, then: _Release, now: _Release, language: int) -> list[str]:
    """The item's figures before and after, or where the case stands."""
    if alert["kind"] == "dispute_due":
        case = now.rows("mart_dispute_desk", "case_id = ?", [alert["subject"]])
        if not case:
            return [_WORDS["off_desk"][language]]
        state = case[0]["state"]
        return [_WORDS["on_desk"][language].format(_STATES.get(state, (state, state))[language])]
    if alert["asin"] is None:
        return [_WORDS["no_figures"][language]]
    before, after = (
        {
            **release.item("mart_performance", alert, "window_days = 30"),
            **release.item("mart_asin_insights", alert, "channel = 'ALL' and window_days = 30"),
        }
        for release in (then, now)
    )
    heads = (_WORDS["figure"][language], _day(then.manifest.as_of, language), _day(now.manifest.as_of, language))
    lines = [_line(heads), "|---|--:|--:|"]
    for name, *words in _FIGURES:
        lines.append(_line((words[language], *(_said(name, row.get(name), language) for row in (before, after)))))
    return lines


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _said(name: str, value: Any, language: int) -> str:
    """A figure as it stands in the table; a reason in words."""
    if value is None:
        return "–"
    if name == "top_reason_class":
        return name_of(value, LANGUAGES[language])
    return f"{float(value):.1%}" if name.endswith("_rate") else f"{value:,}"


def _day(day: date, language: int) -> str:
    return f"{day.year}年{day.month}月{day.day}日" if LANGUAGES[language] == "zh" else f"{day.day} {day:%b %Y}"


def write_cases(lake: Lake, home: Home) -> list[str]:
    """Keep the cases that the current release has over the one before, and copy all to the home; names of new ones.

    Idempotent. A lake or disk that refuses is a warning, never a failed night: the next one tries again.
    """
    made: list[str] = []
    try:
        pointer = releases.current(lake)
        pair = [releases.load(lake, name) for name in (pointer.previous, pointer.release_id) if name] if pointer else []
        if len(pair) == 2 and pair[0] is not None and pair[1] is not None:
            for case in resolved(lake, pair[0], pair[1]):
                for language, text in case.texts.items():
                    key = f"{PREFIX}/{language}/{case.name}.md"
                    if lake.put_new(key, io.BytesIO(text.encode())) and language == LANGUAGES[0]:
                        made.append(case.name)
        _copy(lake, home.cases)
    except (ReturnscopeError, OSError) as error:
        log.warning("cases of ended alerts could not be written, the next night tries again: %s", error)
    return made


def _copy(lake: Lake, folder: Path) -> None:
    """Bring cases of the lake that the folder lacks; a case never changes."""
    for found in lake.list(f"{PREFIX}/"):
        target = folder / found.key.removeprefix(f"{PREFIX}/")
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            fresh = target.with_name(f".{target.name}.new")
            fresh.write_bytes(lake.get(found.key))
            fresh.replace(target)
