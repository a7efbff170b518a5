"""Files that are derived from declarations: dbt sources, macros with keys, semantic models, pages of feeds and metrics.

`python -m data_contracts.generate` writes them, a test proves them up to date. Belongs here: rendering. Does not
belong: any fact about a feed or a table.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from data_contracts import metrics, reference
from data_contracts.control import CONTROL_TABLES
from data_contracts.feed import META_COLUMNS, Column, Feed, Kind, Merge
from data_contracts.registry import all_feeds

ROOT = Path(__file__).resolve().parents[1]
SOURCES = Path("dbt_project/models/staging/_sources.yml")
MACROS = Path("dbt_project/macros/generated/feeds.sql")
PAGES = Path("docs/feeds")
METRICS_PAGE = Path("docs/metrics.md")
SEMANTIC_MODELS = Path("dbt_project/models/metrics.yml")

_NOTICE = "made by `python -m data_contracts.generate` from data_contracts/; edit there, not here"
_META_DESCRIPTIONS = {
    "_store": "Store that the delivery belongs to.",
    "_delivery_id": "sha256 of the delivery's bytes as they came.",
    "_line_number": "Line of the delivery, 1-based; the header of a plain TSV is line 1.",
}
_MERGE_TEXT = {
    Merge.WINDOW: "A complete delivery owns every day of its window; the newest one that covers a day wins it, whole.",
    Merge.KEYED: "Rows merge by key; the newest delivery that has a key wins with all its rows of that key.",
    Merge.SNAPSHOT: "Each delivery is the whole state of a store; the newest one counts.",
}


def physical_descriptions(feed: Feed) -> Iterator[tuple[str, str, str]]:
    """Name, DuckDB type and description of each bronze column of a feed, the meta columns first."""
    for name, duckdb_type in META_COLUMNS.items():
        yield name, duckdb_type, _META_DESCRIPTIONS[name]
    for column in feed.columns:
        for name, duckdb_type in column.physical().items():
            text = column.description
            if column.kind is Kind.MOMENT:
                tail = "As a UTC instant; NULL where only a day was written." if name.endswith("_at") else "Its day."
                text = f"{text} {tail}".strip()
            yield name, duckdb_type, text


def key_columns(feed: Feed, names: Iterable[str]) -> list[str]:
    """Physical columns that spell a key. A moment counts by both of its columns: by its instant, else by its day."""
    return [physical for name in names for physical in feed.column(name).physical()]


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _source(
    name: str, description: str, tables: Iterable[tuple[str, str, Iterable[tuple[str, str, str]]]]
) -> Iterator[str]:
    yield f"  - name: {name}"
    yield f"    schema: {name}"
    yield f"    description: {_quoted(description)}"
    yield "    tables:"
    for table, text, columns in tables:
        yield f"      - name: {table}"
        yield f"        description: {_quoted(text)}"
        yield "        columns:"
        for column, duckdb_type, meaning in columns:
            yield f"          - name: {column}"
            yield f"            data_type: {duckdb_type}"
            yield f"            description: {_quoted(meaning)}"


def sources_yaml(feeds: Mapping[str, Feed]) -> str:
    """The dbt sources: schemas `bronze`, `control` and `reference`."""
    lines = [f"# {_NOTICE}", "version: 2", "sources:"]
    lines += _source(
        "bronze",
        "Deliveries as typed rows, one view per feed, every delivery that was ever taken in.",
        ((feed.name, feed.description, physical_descriptions(feed)) for feed in feeds.values()),
    )
    lines += _source(
        "control",
        "What a run is asked for and what was delivered.",
        (
            (table.name, table.description, ((c.name, c.type, c.description) for c in table.columns))
            for table in CONTROL_TABLES.values()
        ),
    )
    lines += _source(
        "reference",
        "Facts that hold for everyone, all columns as text.",
        (
            (
                name,
                f"Table of data_contracts/reference/{name}.csv.",
                ((c, "varchar", "") for c in reference.read(name)[0]),
            )
            for name in reference.tables()
        ),
    )
    return "\n".join(lines) + "\n"


def _macro(name: str, meaning: str, values: Mapping[str, object]) -> str:
    rows = "".join(f"    {_quoted(feed)}: {json.dumps(value)},\n" for feed, value in values.items())
    return (
        f"{{# {meaning} #}}\n{{% macro {name}(feed) %}}\n  {{% set values = {{\n{rows}  }} %}}\n"
        "  {{ return(values[feed]) }}\n{% endmacro %}\n"
    )


def _zones_macro() -> str:
    zones = sorted({row["time_zone"] for row in reference.read("marketplaces")})
    return (
        "{# time zones in which marketplaces report their days #}\n{% macro marketplace_time_zones() %}\n"
        f"  {{{{ return({json.dumps(zones)}) }}}}\n{{% endmacro %}}\n"
    )


def macros_sql(feeds: Mapping[str, Feed]) -> str:
    """The dbt macros that say how the rows of a feed merge."""
    every = feeds.values()
    parts = [
        f"{{# {_NOTICE} #}}\n",
        _macro("feed_merge", "window, keyed or snapshot", {f.name: f.merge.value for f in every}),
        _macro(
            "feed_key",
            "physical columns of the key; empty unless keyed",
            {f.name: key_columns(f, f.key) for f in every},
        ),
        _macro(
            "feed_fallback_key",
            "physical columns of the key where the first key column is blank; empty: there is none",
            {f.name: key_columns(f, f.fallback_key) for f in every},
        ),
        _macro(
            "feed_identity",
            "physical columns that tell a row apart where a file without a window restates rows",
            {f.name: key_columns(f, f.identity) for f in every},
        ),
        _macro(
            "feed_event_day",
            "physical day column of the event, or an empty string for snapshots",
            {f.name: f"{f.event}_day" if f.event else "" for f in every},
        ),
        _macro(
            "feed_update_types",
            "report types whose windows are days of the last change",
            {f.name: list(f.update_types) for f in every},
        ),
        _macro("feed_columns", "all physical columns in order", {f.name: list(f.physical()) for f in every}),
        _zones_macro(),
    ]
    return "\n".join(parts)


def _rule(column: Column) -> str:
    rules = []
    if column.required:
        rules.append("header required")
    if not column.nullable:
        rules.append("never blank")
    if column.pattern:
        rules.append(f"matches `{column.pattern}`")
    if column.allowed:
        rules.append("one of " + ", ".join(f"`{value}`" for value in column.allowed))
    if column.minimum is not None:
        rules.append(f"at least {column.minimum:,}")
    if column.maximum is not None:
        rules.append(f"at most {column.maximum:,}")
    if column.masked:
        rules.append("masked")
    return "; ".join(rules)


def page(feed: Feed) -> str:
    """The documentation page of a feed, Markdown."""
    lines = [
        f"# {feed.title} (`{feed.name}`)",
        "",
        f"<!-- {_NOTICE} -->",
        "",
        feed.description,
        "",
        f"- **Merging:** {_MERGE_TEXT[feed.merge]}",
    ]
    if feed.key:
        lines.append(f"- **Key:** {', '.join(feed.key)}")
    if feed.fallback_key:
        lines.append(f"- **Key where `{feed.key[0]}` is blank:** {', '.join(feed.fallback_key)}")
    if feed.identity:
        lines.append(f"- **Same row, in a file without a window:** {', '.join(feed.identity)}")
    if feed.event:
        lines.append(f"- **Event day:** `{feed.event}_day`")
    if feed.report_types:
        lines.append(f"- **SP-API:** {', '.join(feed.report_types)}")
    if feed.update_types:
        lines.append(f"- **SP-API, by day of the last change:** {', '.join(feed.update_types)}")
    if feed.operation:
        lines.append(f"- **SP-API:** answers of `{feed.operation}` as JSON lines")
    if feed.max_days:
        lines.append(f"- **One request:** at most {feed.max_days} days; a night asks {feed.restated_days} days back")
    bad = feed.bad_rows
    lines.append(f"- **Bad rows:** more than {bad.rows} and more than {bad.share:.0%} of a delivery block a release")
    if feed.drop:
        lines.append(f"- **Never stored:** {', '.join(feed.drop)}, and any header that names personal data")
    lines += ["", "| column | kind | bronze | also written as | rules | meaning |", "|---|---|---|---|---|---|"]
    for column in feed.columns:
        physical = "<br>".join(f"`{name}` {kind}" for name, kind in column.physical().items())
        cells = (
            f"`{column.name}`",
            column.kind.value,
            physical,
            ", ".join(column.aliases),
            _rule(column),
            column.description,
        )
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    lines += ["", "Case, hyphens, spaces and underscores of a header do not count.", ""]
    return "\n".join(lines)


def generated(feeds: Mapping[str, Feed] | None = None) -> dict[Path, str]:
    """Every generated file, path relative to the repository to its text."""
    feeds = all_feeds() if feeds is None else feeds
    files = {SOURCES: sources_yaml(feeds), MACROS: macros_sql(feeds)}
    files[METRICS_PAGE] = metrics.page(metrics.registry(), _NOTICE)
    files[SEMANTIC_MODELS] = metrics.semantic_yaml(metrics.registry(), _NOTICE)
    files.update({PAGES / f"{feed.name}.md": page(feed) for feed in feeds.values()})
    return files


def stale(root: Path = ROOT) -> list[Path]:
    """Generated files that are missing, differ from what would be written now, or whose feed is gone."""
    wanted = generated()
    wrong = [
        path
        for path, text in wanted.items()
        if not (root / path).is_file() or (root / path).read_text(encoding="utf-8") != text
    ]
    return wrong + [
        found.relative_to(root)
        for found in sorted((root / PAGES).glob("*.md"))
        if found.relative_to(root) not in wanted
    ]


def write(root: Path = ROOT) -> list[Path]:
    """Write what is stale and delete pages of feeds that are gone; the paths that changed."""
    wanted = generated()
    changed = stale(root)
    for path in changed:
        target = root / path
        if path in wanted:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(wanted[path], encoding="utf-8")
        else:
            target.unlink()
    return changed


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    for changed_path in write():
        logging.getLogger(__name__).info("wrote %s", changed_path)
