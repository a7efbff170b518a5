"""What the classifier reads in each distinct comment: judged once, kept in the lake by the classifier's version.

Belongs here: finding texts without a verdict, having them judged, keeping verdicts. Does not belong: judging
(`classification/`), choosing between code and comment (dbt).

`verdicts/<model version>/<hash>.parquet`, columns as in `control.comment_verdicts`. A cache: delete it and the next
build makes it again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_contracts.control import CONTROL_TABLES

if TYPE_CHECKING:
    import duckdb

    from ingestion.lake import Lake

#: the words that are judged, by feed, as dbt puts them together (macro `review_text`)
TEXTS = {"fba_returns": "customer_comments", "mfn_returns": "customer_comments", "reviews": "coalesce(body, title)"}
#: below this, starting a second process (half a second) costs more than it saves
_WORTH_PROCESSES = 20_000
#: texts per parquet file, so that memory stays small
_PER_FILE = 200_000
_BATCH = 2_000


def ensure_verdicts(lake: Lake, bronze: Mapping[str, Sequence[Path]], scratch: Path) -> tuple[list[Path], int]:
    """Judge the texts of these bronze files (by feed) that have no verdict; all verdict files, and how many are new."""
    import duckdb

    from classification.lexicon import model_version

    folder = f"verdicts/{model_version()}/"
    known = _local(lake, folder)
    with duckdb.connect() as con:
        con.execute("set threads = 2")
        if not _collect_unjudged(con, bronze, known):
            return known, 0
        judged = set(known)
        new = 0
        while texts := con.execute(
            f"select comment from unjudged order by comment limit {_PER_FILE} offset {new}"
        ).fetchall():
            path = scratch / "verdicts.parquet"
            _write(con, [text for (text,) in texts], path)
            key = f"{folder}{hashlib.sha256(path.read_bytes()).hexdigest()[:32]}.parquet"
            lake.put_new(key, path)
            judged.add(lake.local_path(key))  # not by another list, which may not show it yet
            new += len(texts)
    return sorted(judged), new


def _local(lake: Lake, folder: str) -> list[Path]:
    return [lake.local_path(info.key, info.version) for info in lake.list(folder)]


def _collect_unjudged(
    con: duckdb.DuckDBPyConnection, bronze: Mapping[str, Sequence[Path]], known: Sequence[Path]
) -> bool:
    parts = [
        f"select {column} as comment from read_parquet({_listed(bronze[feed])})"
        for feed, column in TEXTS.items()
        if bronze.get(feed)
    ]
    if not parts:
        return False
    judged = f"select comment from read_parquet({_listed(known)})" if known else "select null::varchar as comment"
    con.execute(
        f"create temp table unjudged as select distinct comment from ({' union all '.join(parts)}) as found "
        f"where trim(comment) <> '' and not exists (from ({judged}) as judged where judged.comment = found.comment)"
    )
    (count,) = con.execute("select count(*) from unjudged").fetchone() or (0,)
    return bool(count)


def _write(con: duckdb.DuckDBPyConnection, texts: Sequence[str], path: Path) -> None:
    import pyarrow as pa

    types = CONTROL_TABLES["comment_verdicts"].types()
    rows = _judged(texts)
    arrow = pa.Table.from_pydict({name: [row[n] for row in rows] for n, name in enumerate(types)})  # noqa: F841
    columns = ", ".join(f"{name}::{kind} as {name}" for name, kind in types.items())
    con.execute(f"copy (select {columns} from arrow order by comment) to '{path}' (format parquet, compression zstd)")


def _judged(texts: Sequence[str]) -> list[tuple[Any, ...]]:
    batches = [texts[start : start + _BATCH] for start in range(0, len(texts), _BATCH)]
    if len(texts) < _WORTH_PROCESSES:
        return [row for batch in batches for row in judge(batch)]
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        return [row for rows in pool.map(judge, batches) for row in rows]


def judge(texts: Sequence[str]) -> list[tuple[Any, ...]]:
    """One row per text, in the columns of `control.comment_verdicts`."""
    import orjson

    from classification.classifier import read_text

    rows = []
    for text in texts:
        said = read_text(text)
        words = orjson.dumps(list(said.deciding_words)).decode()
        rows.append((text, said.reason_class, said.confidence, said.is_sure, words, said.language))
    return rows


def _listed(paths: Sequence[Path]) -> str:
    return "[" + ", ".join("'" + str(path).replace("'", "''") + "'" for path in paths) + "]"
