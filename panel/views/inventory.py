"""Inventory: stock beside what returns put back or wrote off. Belongs here: the page."""

from __future__ import annotations

from panel import data, markup
from panel.page import Page
from panel.views.asin import inventory_table


def show(page: Page) -> None:
    """Draw the page."""
    words = page.words
    page.release.need("mart_inventory")
    sums = data.inventory_totals(page.release, page.where)
    if sums["snapshot_date"] is None:
        page.html(markup.nothing(words("inventory.none"), words("inventory.none_remedy")))
        return
    rows_of = page.to_rows("fct_inventory", channel="")
    days = page.days(30)
    back = {
        "returned_sellable_30d": page.to_rows("fct_returns", channel="FBA", disposition="SELLABLE", **days),
        "returned_unsellable_30d": page.to_rows("fct_returns", channel="FBA", not_disposition="SELLABLE", **days),
    }
    page.html(
        markup.tiles(
            *(
                markup.tile(
                    words(f"col.{name}"),
                    words.count(sums[name]),
                    href=back.get(name, rows_of),
                    note=words(f"inventory.{name}_note"),
                )
                for name in ("fulfillable", "unsellable", "inbound", "returned_sellable_30d", "returned_unsellable_30d")
            )
        )
    )
    page.source("mart_inventory", href=rows_of)
    page.section("inventory.list", words("inventory.list_lead", day=words.day(sums["snapshot_date"])))
    count, rows = data.inventory(page.release, page.where)
    index = page.pager(count)
    if index:
        _, rows = data.inventory(page.release, page.where, index)
    page.html(inventory_table(page, rows))
    page.source("mart_inventory")
    page.downloads(lambda: data.table_arrow(page.release, "mart_inventory", page.where), "mart_inventory", count)
