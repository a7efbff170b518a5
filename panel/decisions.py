"""What people decide at the desk: written to the inbox as a feed of its own, read back at once.

Belongs here: the form of a decision, writing it, reading what is in the inbox. Does not belong: the cases (a mart), who
may decide (`access.py`), taking the files in (the next run does).

One decision is one file `inbox/<store>/decisions____<moment>.jsonl` (feed, no window, delivered at) with one line. It
is written under a hidden name and linked to its own in one step, so a run never takes half of one, and it is never
changed: a later decision about the same case stands beside it and counts instead.
"""

from __future__ import annotations

import json
import os
import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from panel import data

KINDS = ("approve", "decline", "refund_full", "refund_partial", "claim_filed", "done")
#: decisions that need an amount
WITH_AMOUNT = frozenset({"refund_full", "refund_partial"})
NOTE_LENGTH = 1000
_STORE = re.compile(r"[A-Za-z0-9][\w.-]*")
_FILES = "decisions__*.jsonl"


class NotADecision(ValueError):
    """A decision that cannot be recorded; the message is a key of the texts under `desk.wrong`."""


@dataclass(frozen=True)
class Decision:
    """One decision about one case. `amount` is in `currency` and only there for refunds."""

    decision_id: str
    store: str
    case_id: str
    kind: str
    order_id: str | None
    asin: str | None
    decision: str
    amount: Decimal | None
    currency: str | None
    note: str
    decided_by: str
    decided_at: datetime


def decide(
    case: data.Row, decision: str, *, amount: Decimal | None = None, note: str = "", by: str | None = None
) -> Decision:
    """A checked decision about a case. Raises NotADecision."""
    if decision not in KINDS:
        raise NotADecision("kind")
    if decision in WITH_AMOUNT:
        if amount is None or amount <= 0 or not case.get("currency"):
            raise NotADecision("amount")
        limit = case.get("amount")
        if limit is not None and amount > limit:
            raise NotADecision("too_much")
    if len(note) > NOTE_LENGTH:
        raise NotADecision("note")
    has_amount = decision in WITH_AMOUNT
    return Decision(
        uuid.uuid4().hex,
        str(case["store"]),
        str(case["case_id"]),
        str(case["kind"]),
        case.get("order_id"),
        case.get("asin"),
        decision,
        amount if has_amount else None,
        case.get("currency") if has_amount else None,
        " ".join(note.split()),
        by or "",
        datetime.now(UTC),
    )


def record(decision: Decision, inbox: Path | None = None) -> Path:
    """Write a decision to the inbox for good; its file. Raises OSError when the folder cannot be written."""
    if not _STORE.fullmatch(decision.store):
        raise NotADecision("store")
    folder = (inbox or data.home() / "inbox") / decision.store
    folder.mkdir(parents=True, exist_ok=True)
    values = {
        **asdict(decision),
        "amount": None if decision.amount is None else str(decision.amount),
        "decided_at": decision.decided_at.isoformat(),
    }
    hidden = folder / f".{decision.decision_id}.part"
    with hidden.open("x", encoding="utf-8") as file:
        file.write(json.dumps(values, ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        while True:
            final = folder / f"decisions____{datetime.now(UTC):%Y-%m-%dT%H%M%S.%fZ}.jsonl"
            try:
                os.link(hidden, final)
                break
            except FileExistsError:  # another decision in the same microsecond
                continue
    finally:
        hidden.unlink()
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    return final


def recorded(stores: Iterable[str] | None = None, inbox: Path | None = None) -> list[Decision]:
    """Every decision in the inbox, oldest first; of these stores where named. A line that is none is passed over.

    Files that a run has taken in are found as long as they lie anywhere below the inbox.
    """
    root = inbox or data.home() / "inbox"
    wanted = None if stores is None else set(stores)
    found = {}
    for path in sorted(root.rglob(_FILES)) if root.is_dir() else []:
        for line in path.read_text(encoding="utf-8").splitlines():
            decision = _read(line)
            if decision is not None and (wanted is None or decision.store in wanted):
                found[decision.decision_id] = decision
    return sorted(found.values(), key=lambda decision: (decision.decided_at, decision.decision_id))


def known(release: data.Release, stores: Iterable[str] | None = None) -> list[Decision]:
    """Every decision of the release and of the inbox, oldest first, each once."""
    published = [
        Decision(**{**{name: row[name] for name in Decision.__dataclass_fields__}, **_blanks(row)})
        for row in data.decisions(release)
    ]
    found = {decision.decision_id: decision for decision in (*published, *recorded(stores))}
    return sorted(found.values(), key=lambda decision: (decision.decided_at, decision.decision_id))


def fresh(release: data.Release, stores: Iterable[str] | None = None) -> dict[tuple[str, str], Decision]:
    """The decision that counts for each store and case, where the release was made without it."""
    published = {row["decision_id"] for row in data.decisions(release)}
    counting = newest(known(release, stores))
    return {case: decision for case, decision in counting.items() if decision.decision_id not in published}


def stands(case: data.Row, made: Mapping[tuple[str, str], Decision]) -> str:
    """The state of a case with what was decided since the release, by the rule of mart_dispute_desk."""
    decision = made.get((case["store"], case["case_id"]))
    if decision is None:
        return str(case["state"])
    return {"claim_filed": "filed", "done": "done"}.get(decision.decision, "decided")


def _blanks(row: data.Row) -> dict[str, str]:
    return {name: row[name] or "" for name in ("kind", "note", "decided_by")}


def newest(decisions: Iterable[Decision]) -> dict[tuple[str, str], Decision]:
    """The decision that counts for each store and case."""
    return {(decision.store, decision.case_id): decision for decision in decisions}


def _read(line: str) -> Decision | None:
    try:
        values = json.loads(line)
        return Decision(
            **{
                **values,
                "amount": None if values["amount"] is None else Decimal(values["amount"]),
                "decided_at": datetime.fromisoformat(values["decided_at"]),
            }
        )
    except (ValueError, KeyError, TypeError, ArithmeticError):  # not ours: someone else's file of that name
        return None


def as_table(decisions: Iterable[Decision]) -> Any:
    """Decisions as an Arrow table."""
    import pyarrow as pa

    rows = [
        {**asdict(d), "amount": d.amount and str(d.amount), "decided_at": d.decided_at.isoformat()} for d in decisions
    ]
    return pa.Table.from_pylist(rows)


def adjustments(decisions: Iterable[Decision]) -> bytes:
    """Refunds as the order adjustments file of Seller Central (tab-separated, item price only).

    `order-item-id` stays blank: no report that is read here carries it, and Amazon asks for it only where an order has
    several items.
    """
    head = ("order-id", "order-item-id", "adjustment-reason-code", "currency", "item-price-adj")
    lines = ["\t".join(head)]
    lines += [
        "\t".join((d.order_id or "", "", "CustomerReturn", d.currency or "", f"{d.amount:.2f}"))
        for d in decisions
        if d.amount is not None
    ]
    return ("\r\n".join(lines) + "\r\n").encode()
