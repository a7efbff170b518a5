"""What returns cost, in words: parts, total and what is not known. Belongs here: the pieces that pages show of it.

Does not belong: the sums (`data.py`), what a part means (mart_return_cost says it).
"""

from __future__ import annotations

from collections.abc import Mapping

from panel import data, markup
from panel.markup import Column, Html, badge, element, join, tile
from panel.page import Page

#: columns of mart_return_cost that make the total, and whether they are added or taken off
PARTS = {
    "refund_amount": 1,
    "tax_returned": -1,
    "fees_returned": -1,
    "fees_kept": 1,
    "return_fees": 1,
    "return_freight": 1,
    "processing_cost": 1,
    "write_off": 1,
    "resale_fees": 1,
    "resale_sales": -1,
    "reimbursed": -1,
}
_TONES = {"exact": "good", "lower_bound": "info", "open": "warn"}


def block(page: Page, asin: str, days: Mapping[str, str]) -> None:
    """Total, parts and windows of one ASIN; `days` of the window narrow the rows that the source opens."""
    words = page.words
    page.section("asin.cost", words("asin.cost_lead"))
    windows = data.return_cost(page.release, page.where, asin)
    now = next((row for row in windows if row["window_days"] == page.where.window), None)
    if now is None:
        page.html(markup.nothing(words("asin.no_cost")))
        return
    if now["is_mixed_currency"]:
        page.html(markup.nothing(words("cost.mixed"), words("cost.mixed_remedy")))
    else:
        _tiles(page, now)
        _parts(page, now)
    columns = [
        Column(words("col.window"), lambda row: words("filter.days", days=row["window_days"])),
        Column(words("units_returned"), lambda row: words.count(_units(row)), "number"),
        Column(words("cost.total"), lambda row: amount(page, row), "number"),
        Column(words("cost.basis"), lambda row: basis(page, row)),
        Column(words("cost.beyond"), lambda row: words.money(row["cost_beyond_refunds"], row["currency"]), "number"),
        Column(
            words("cost.per_unit"), lambda row: words.money(row["cost_per_returned_unit"], row["currency"]), "number"
        ),
        Column(words("cost.of_sales"), lambda row: words.share(row["cost_share_of_sales"]), "number"),
    ]
    page.html(markup.table(columns, windows, words("cost.windows"), empty=words("asin.no_cost"), shown=True))
    page.source("mart_return_cost", href=page.to_rows("fct_refunds", asin=asin, **days))


def _units(row: data.Row) -> int:
    return (row["units_returned"] or 0) + (row["units_returned_excluded"] or 0)


def amount(page: Page, row: data.Row, currency: str = "currency") -> str:
    """The total with the sign that its basis asks for: ≥ at least, ≈ where it may move both ways."""
    sign = {"lower_bound": "≥ ", "open": "≈ "}.get(row["total_basis"] or "", "")
    shown = page.words.money(row["total_cost"], row[currency])
    return shown if row["total_cost"] is None else sign + shown


def basis(page: Page, row: data.Row) -> Html:
    """How much of the total is known, as a word."""
    name = row["total_basis"]
    if name is None:
        return badge(page.words("cost.basis_mixed"), "plain")
    return badge(page.words(f"cost.basis_{name}"), _TONES[name])


def _tiles(page: Page, row: data.Row) -> None:
    words = page.words
    page.html(
        markup.tiles(
            tile(words("cost.total"), amount(page, row), change=words(f"cost.said_{row['total_basis']}")),
            tile(
                words("cost.beyond"),
                words.money(row["cost_beyond_refunds"], row["currency"]),
                note=words("cost.beyond_note"),
            ),
            tile(
                words("cost.per_unit"),
                words.money(row["cost_per_returned_unit"], row["currency"]),
                note=words("cost.per_unit_note", units=words.count(_units(row))),
            ),
            tile(
                words("cost.of_sales"),
                words.share(row["cost_share_of_sales"]),
                note=words("cost.of_sales_note", amount=words.money(row["sales_amount"], row["currency"])),
            ),
        )
    )
    unknown = _unknown(row)
    if unknown:
        named = join([words(f"cost.part_{name}") for name in unknown], words("comma"))
        page.html(element("p", words("cost.unknown"), " ", named, class_="rs-source"))
    if row["settled_through"] is not None:
        page.html(element("p", words("cost.settled", day=words.day(row["settled_through"])), class_="rs-source"))


def _unknown(row: data.Row) -> list[str]:
    return [name for name in str(row["unknown_parts"]).split(", ") if name]


def _parts(page: Page, row: data.Row) -> None:
    words = page.words
    unknown = _unknown(row)

    def shown(part: data.Row) -> Html:
        name = part["name"]
        value = row[name]
        if value is None:
            return badge(words("cost.not_known"), "plain")
        signed = value * PARTS[name]
        mark = [" ", badge(words("cost.in_part"), "plain")] if name in unknown else []
        return join([words.money(signed, row["currency"]), *mark])

    columns = [
        Column(words("cost.part"), lambda part: words(f"cost.part_{part['name']}")),
        Column(words("col.amount"), shown, "number"),
        Column(words("cost.what"), lambda part: words(f"cost.what_{part['name']}"), "wide"),
    ]
    rows = [{"name": name} for name in PARTS]
    page.html(markup.table(columns, rows, words("cost.parts"), empty="", shown=True))


def line(page: Page) -> Html | None:
    """What returns of the filter cost, in one line; None where the release cannot say."""
    words = page.words
    rows = data.cost_totals(page.release, page.where)
    if not rows:
        return None
    named = " · ".join(
        f"{words.cost_sign(row)} {words.money(row['total_cost'], row['currency'], rounded=True)}".strip()
        for row in rows
    )
    kept = "exact" if all(row["is_exact"] for row in rows) else "least"
    if any(row["is_open"] for row in rows):
        kept = "open"
    return element(
        "p",
        markup.link(words("cost.line", days=page.where.window, amounts=named), page.to("asins", order="cost")),
        " · ",
        words(f"cost.line_{kept}"),
        class_="rs-source",
    )
