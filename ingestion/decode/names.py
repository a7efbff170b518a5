"""Which feed a header belongs to, and which column each of its names is.

Belongs here: recognising feeds and mappings by header, and saying what is missing. Does not belong: finding the header
line in a file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from data_contracts.feed import Feed, normalise_header
from ingestion.mapping import FieldMapping

#: A feed that nobody named must know this share of a header. Merchant listings in Chinese reach 0.8, while reports that
#: merely have a SKU and a title reach 0.38.
_FAMILIAR_SHARE = 0.4


@dataclass(frozen=True)
class Request:
    """What the sender says: feed or mapping, if any; `shipped` mappings are tried when none is named.

    is_settled: the file was decoded before, when it came: its feed and mapping are known, and that it is whole.
    """

    feeds: Mapping[str, Feed]
    feed: Feed | None = None
    mapping: FieldMapping | None = None
    shipped: tuple[FieldMapping, ...] = ()
    is_settled: bool = False


class Names:
    """How the headers of one file translate to a feed's columns."""

    def __init__(self, feed: Feed, mapping: FieldMapping | None = None) -> None:
        self.feed = feed
        self.mapping = mapping
        self._by_header = {header: column.name for header, column in feed.by_header.items()}
        self._ignored: frozenset[str] = frozenset()
        if mapping is not None:
            taken = {*mapping.columns, *mapping.constants}
            self._by_header = {header: name for header, name in self._by_header.items() if name not in taken}
            self._by_header |= {normalise_header(header): name for name, header in mapping.columns.items()}
            self._ignored = frozenset(normalise_header(header) for header in mapping.ignore)

    def column(self, header: str) -> str | None:
        """Canonical name of the column under a header, None when the feed takes nothing from it."""
        return self._by_header.get(normalise_header(header))

    def drops(self, header: str) -> bool:
        """Whether a column under this header is personal data and must not be stored."""
        return self.column(header) is None and self.feed.drops(header)

    def is_unknown(self, header: str) -> bool:
        """Whether nothing is known about a header: not taken, not dropped, not among the unused ones."""
        folded = normalise_header(header)
        if not folded or folded in self._by_header or folded in self._ignored:
            return False
        return folded not in self.feed.familiar and not self.feed.drops(header)

    def repeated(self, headers: Iterable[str]) -> str | None:
        """A header of a column that stands there twice, in whatever spelling of the same name; None where none does.

        Two *names* of one column, such as `sku` and `merchant-sku`, are two columns of a report: the first one counts.
        """
        seen: set[str] = set()
        for header in headers:
            folded = normalise_header(header)
            if folded in seen and self.column(header) is not None:
                return header.strip()
            seen.add(folded)
        return None

    def positions(self, headers: Sequence[str]) -> dict[str, int]:
        """Canonical name → position; where a column appears twice the first one counts."""
        found: dict[str, int] = {}
        for position, header in enumerate(headers):
            if (name := self.column(header)) is not None:
                found.setdefault(name, position)
        return found

    def missing(self, headers: Iterable[str]) -> list[str]:
        """Required columns that are neither in the header nor constant."""
        constants = self.mapping.constants if self.mapping else {}
        present = {self.column(header) for header in headers} | constants.keys()
        return [column.name for column in self.feed.required if column.name not in present]

    def familiarity(self, headers: Iterable[str]) -> tuple[int, float]:
        """How many headers are known, and their share."""
        distinct = {folded for header in headers if (folded := normalise_header(header))}
        known = sum(folded in self._by_header or folded in self.feed.familiar for folded in distinct)
        return known, known / max(1, len(distinct))


@dataclass(frozen=True)
class Mismatch:
    """Why a header is not what was asked for: for a message, and to compare how near it came."""

    what: str
    remedy: str
    nearness: tuple[int, int]


def recognise(headers: Sequence[str], request: Request) -> Names | Mismatch:
    """The feed and mapping of a header, or why there is none."""
    if request.mapping is not None:
        return _by_mapping(headers, request.mapping, request)
    wanted = [m for m in request.shipped if request.feed is None or m.feed == request.feed.name]
    fitting = [m for m in wanted if m.matches(headers)]
    if fitting:
        return _by_mapping(headers, max(fitting, key=lambda m: len(m.match)), request)
    if request.feed is not None:
        return _named(headers, request.feed, request)
    return _unnamed(headers, request)


def _by_mapping(headers: Sequence[str], mapping: FieldMapping, request: Request) -> Names | Mismatch:
    names = Names(request.feeds[mapping.feed], mapping)
    present = {normalise_header(header) for header in headers}
    absent = [header for header in mapping.columns.values() if normalise_header(header) not in present]
    nearness = (len(mapping.columns) - len(absent), 0)
    if absent:
        return Mismatch(
            f"The header lacks what mapping {mapping.name} names: {', '.join(absent)}",
            "Correct the mapping's [columns] to the headers of the file, or use another mapping.",
            nearness,
        )
    if missing := names.missing(headers):
        return Mismatch(
            f"With mapping {mapping.name} the file still lacks {', '.join(missing)}, required by feed {mapping.feed}",
            "Add them to the mapping, under [columns] or [constants].",
            nearness,
        )
    return names


def _complete(headers: Sequence[str], feeds: Iterable[Feed]) -> dict[str, Names]:
    """Feeds whose required columns are all in the header."""
    found = {feed.name: Names(feed) for feed in feeds}
    return {name: names for name, names in found.items() if not names.missing(headers)}


def _named(headers: Sequence[str], feed: Feed, request: Request) -> Names | Mismatch:
    names = Names(feed)
    known, _ = names.familiarity(headers)
    missing = names.missing(headers)
    others = {
        name: other.familiarity(headers)[0]
        for name, other in _complete(headers, request.feeds.values()).items()
        if name != feed.name
    }
    nearest = max(others, key=lambda name: others[name], default=None)
    if nearest is not None and others[nearest] > known and not request.is_settled:
        return Mismatch(
            f"This is the report of another feed: it looks like {nearest} and was delivered as {feed.name}",
            f"Deliver it as {nearest} (--feed {nearest}), and look for the right file for {feed.name}.",
            (known, 1),
        )
    if missing:
        return Mismatch(
            f"The header is not that of feed {feed.name}: it lacks {', '.join(missing)}",
            f"Download the report for {feed.name} again, or name the columns in a mapping file (--mapping).",
            (known, 0),
        )
    return names


def _unnamed(headers: Sequence[str], request: Request) -> Names | Mismatch:
    complete = _complete(headers, request.feeds.values())
    scores = {name: names.familiarity(headers) for name, names in complete.items()}
    scores = {name: score for name, score in scores.items() if score[1] >= _FAMILIAR_SHARE}
    best = max((known for known, _ in scores.values()), default=0)
    winners = [name for name, (known, _) in scores.items() if known == best]
    if len(winners) == 1:
        return complete[winners[0]]
    if winners:
        return Mismatch(
            f"The header fits more than one feed: {', '.join(winners)}", "Name the feed (--feed).", (best, 1)
        )
    near = {feed.name: Names(feed).familiarity(headers)[0] for feed in request.feeds.values()}
    nearest = max(near, key=lambda name: near[name])
    nearness = (near[nearest], 0)
    if near[nearest] < 2:
        what = "No feed is recognised by the header"
    elif nearest in complete:
        what = f"No feed is recognised by the header; it has the columns of {nearest}, among many others"
    else:
        lacks = ", ".join(Names(request.feeds[nearest]).missing(headers))
        what = f"No feed is recognised by the header; nearest is {nearest}, of which it lacks {lacks}"
    remedy = (
        f"Name the feed (--feed), one of {', '.join(request.feeds)}, or describe the columns in a mapping (--mapping)."
    )
    return Mismatch(what, remedy, nearness)
