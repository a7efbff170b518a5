"""Reports as the source would write them: what it answers at an instant, for a window, in that report's own format.

Belongs here: headers, encodings, dates, blanks, ragged rows and spoilt rows of every feed, by the habits of a store's
region. Does not belong: which windows are asked for and when (`schedule.py`).
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from data_contracts.marketplaces import get_marketplace
from ingestion.connectors import Window
from ingestion.simulator.catalogue import CURRENCIES_WITHOUT_DECIMALS, HUNDREDTHS, chance, tables
from ingestion.simulator.facts import Charge, OrderLine, Refund, at_instant
from ingestion.simulator.world import World

#: feeds that the simulator writes, with the report types that carry them
FEEDS = {
    "fba_returns": ("GET_FBA_FULFILLMENT_CUSTOMER_RETURNS_DATA",),
    "mfn_returns": ("GET_FLAT_FILE_RETURNS_DATA_BY_RETURN_DATE",),
    "orders": (
        "GET_FLAT_FILE_ALL_ORDERS_DATA_BY_LAST_UPDATE_GENERAL",
        "GET_FLAT_FILE_ALL_ORDERS_DATA_BY_ORDER_DATE_GENERAL",
    ),
    "settlements": ("GET_V2_SETTLEMENT_REPORT_DATA_FLAT_FILE_V2",),
    "inventory": ("GET_FBA_MYI_UNSUPPRESSED_INVENTORY_DATA",),
    "listings": ("GET_MERCHANT_LISTINGS_ALL_DATA",),
    "grade_resell": (),
    "reviews": (),
}
BY_UPDATE, BY_ORDER_DATE = FEEDS["orders"]
#: feeds whose rows are asked for by window; the others answer with what they have
WINDOWED = ("fba_returns", "mfn_returns", "orders")

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SETTLEMENT_DAYS = 14
_EPOCH = datetime(2020, 1, 6, tzinfo=UTC)
#: downloads without a window show this much of the past
_REVIEW_DAYS = 30
_GRADE_DAYS = 60

FBA_HEADER = (
    "return-date", "order-id", "sku", "asin", "fnsku", "product-name", "quantity", "fulfillment-center-id",
    "detailed-disposition", "reason", "status", "license-plate-number", "customer-comments",
)  # fmt: skip
#: the header of Australian downloads: British spellings, capitals, no status
FBA_HEADER_AU = (
    "Return-date", "Amazon-order-id", "sku", "asin", "fnsku", "Product-Name", "quantity", "fulfilment-centre-id",
    "detailed-disposition", "reason", "license-plate-number", "customer-comments",
)  # fmt: skip
MFN_HEADER = (
    "Order ID", "Order date", "Return request date", "Return request status", "Amazon RMA ID", "Merchant RMA ID",
    "Label type", "Label cost", "Currency code", "Return carrier", "Tracking ID", "Label to be paid by", "A-to-Z Claim",
    "Is prime", "ASIN", "Merchant SKU", "Item Name", "Return quantity", "Return Reason", "In policy", "Return type",
    "Resolution", "Invoice number", "Return delivery date", "Order Amount", "Order quantity", "SafeT Action reason",
    "SafeT claim id", "SafeT claim state", "SafeT claim creation time", "SafeT claim reimbursement amount",
    "Refunded Amount",
)  # fmt: skip
_MFN_ALWAYS = MFN_HEADER.index("Order quantity") + 1
ORDERS_HEADER = (
    "amazon-order-id", "merchant-order-id", "purchase-date", "last-updated-date", "order-status", "fulfillment-channel",
    "sales-channel", "order-channel", "ship-service-level", "product-name", "sku", "asin", "item-status", "quantity",
    "currency", "item-price", "item-tax", "shipping-price", "shipping-tax", "gift-wrap-price", "gift-wrap-tax",
    "item-promotion-discount", "ship-promotion-discount", "ship-city", "ship-state", "ship-postal-code", "ship-country",
    "promotion-ids", "is-business-order", "purchase-order-number", "price-designation",
)  # fmt: skip
#: after the columns above: what American reports add, and an older layout with the buyer in it
ORDERS_TAIL = {
    "na": ("buyer-company-name", "is-replacement-order", "original-order-id"),
    "other": ("buyer-email", "buyer-name", "recipient-name", "is-replacement-order", "original-order-id"),
}
SETTLEMENT_HEADER = (
    "settlement-id", "settlement-start-date", "settlement-end-date", "deposit-date", "total-amount", "currency",
    "transaction-type", "order-id", "merchant-order-id", "adjustment-id", "shipment-id", "marketplace-name",
    "amount-type", "amount-description", "amount", "fulfillment-id", "posted-date", "posted-date-time",
    "order-item-code", "merchant-order-item-id", "merchant-adjustment-item-id", "sku", "quantity-purchased",
    "promotion-id",
)  # fmt: skip
INVENTORY_HEADER = (
    "sku", "fnsku", "asin", "product-name", "condition", "your-price", "mfn-listing-exists",
    "mfn-fulfillable-quantity", "afn-listing-exists", "afn-warehouse-quantity", "afn-fulfillable-quantity",
    "afn-unsellable-quantity", "afn-reserved-quantity", "afn-total-quantity", "per-unit-volume",
    "afn-inbound-working-quantity", "afn-inbound-shipped-quantity", "afn-inbound-receiving-quantity",
    "afn-researching-quantity", "afn-reserved-future-supply", "afn-future-supply-buyable",
)  # fmt: skip
LISTINGS_HEADER = (
    "item-name", "item-description", "listing-id", "seller-sku", "price", "quantity", "open-date", "image-url",
    "item-is-marketplace", "product-id-type", "zshop-shipping-fee", "item-note", "item-condition", "zshop-category1",
    "zshop-browse-path", "zshop-storefront-feature", "asin1", "asin2", "asin3", "will-ship-internationally",
    "expedited-shipping", "zshop-boldface", "product-id", "bid-for-featured-placement", "add-delete",
    "pending-quantity", "fulfillment-channel", "merchant-shipping-group", "status",
)  # fmt: skip
#: what those columns are called where the account is not kept in English; others keep their English name there
LISTINGS_LOCAL = {
    "ja": {"item-name": "商品名", "listing-id": "出品ID", "seller-sku": "出品者SKU", "price": "価格",
           "quantity": "数量",
           "open-date": "出品日", "product-id-type": "商品IDタイプ", "item-condition": "コンディション",
           "asin1": "商品ID1",
           "product-id": "商品ID", "fulfillment-channel": "フルフィルメント・チャンネル", "status": "ステータス"},
    "de": {"item-name": "Artikelbezeichnung", "seller-sku": "Händler-SKU", "price": "Preis", "quantity": "Anzahl",
           "open-date": "Einstelldatum", "fulfillment-channel": "Versender"},
    # Chinese accounts repeat one header for every column that does not apply
    "zh": {"item-name": "商品名称", "item-description": "商品描述", "listing-id": "商品编码", "seller-sku": "卖家 SKU",
           "price": "价格", "quantity": "数量", "open-date": "开售日期", "zshop-shipping-fee": "不适用项目",
           "zshop-category1": "不适用项目", "zshop-browse-path": "不适用项目", "zshop-boldface": "不适用项目"},
}  # fmt: skip
GRADE_HEADER = (
    "date", "order-id", "value-recovery-type", "lpn", "manual-order-item-id", "merchant-sku", "fnsku", "asin",
    "quantity", "unit-status", "reason-for-unit-status", "grade-and-resell-used-condition", "used-merchant-sku",
    "used-fnsku",
)  # fmt: skip
#: the words that British help pages use for the same columns
GRADE_HEADER_EU = (
    "Return process date", "Order ID", "LPN", "Merchant SKU", "ASIN", "Disposition", "Status", "Status reason",
    "Grading condition", "Used MSKU",
)  # fmt: skip


@dataclass(frozen=True)
class Document:
    """A report as it would come off the wire, before any compression.

    charset: what its Content-Type declares, None where nothing is declared. rows: data rows, spoilt ones included.
    bad: rows that no contract can accept.
    """

    content: bytes
    file_name: str
    report_type: str | None
    charset: str | None
    rows: int
    bad: int


def report(
    world: World, feed: str, store: str, window: Window | None, at: datetime, report_type: str | None = None
) -> bytes | None:
    """What the source answers at an instant: the bytes of the report, or None for a request it cancelled.

    For settlements, of which there is one document a period and marketplace, the newest of them; `documents` has all.
    """
    found = documents(world, feed, store, window, at, report_type)
    return found[-1].content if found else None


def documents(
    world: World, feed: str, store: str, window: Window | None, at: datetime, report_type: str | None = None
) -> list[Document]:
    """All documents that answer a request at an instant, oldest first; none means that it was cancelled."""
    if feed not in FEEDS:
        raise KeyError(f"the simulator has no feed {feed!r}; it writes {', '.join(FEEDS)}")
    if feed in WINDOWED and window is None:
        raise ValueError(f"{feed} is asked for by window")
    if world.is_cancelled(feed, store, at):
        return []
    if feed == "settlements":
        return [settlement(world, store, key) for key in settlements_due(world, store, at)]
    found = _WRITERS[feed](world, store, window, at, report_type)
    return [] if found is None else [found]


# -- how a store's reports are written -------------------------------------------------------------------------------


def charset_of(world: World, store: str, feed: str) -> str:
    """Python name of the encoding in which a store's report of a feed comes.

    Japanese ones are cp932. European FBA returns and listings are cp1252, which loses what it has no letter for.
    """
    region = world.stores[store].region
    if world.home(store).marketplace == "JP" and feed not in ("reviews", "grade_resell"):
        return "cp932"
    if region == "eu" and feed in ("fba_returns", "listings"):
        return "cp1252"
    return "utf-8"


def as_written(text: str, charset: str) -> str:
    """The text that survives the encoding."""
    return text.encode(charset, "replace").decode(charset)


def writes_days_only(world: World, store: str) -> bool:
    """Whether the store's FBA returns carry a day instead of an instant (Australian downloads)."""
    return world.home(store).marketplace == "AU"


def money(hundredths: int, currency: str, comma: bool = False) -> str:
    """An amount as reports write it."""
    sign, whole, rest = "-" if hundredths < 0 else "", abs(hundredths) // HUNDREDTHS, abs(hundredths) % HUNDREDTHS
    if currency in CURRENCIES_WITHOUT_DECIMALS:
        return f"{sign}{whole}"
    return f"{sign}{whole}{',' if comma else '.'}{rest:02d}"


def _instant(at: datetime) -> str:
    return at.isoformat(timespec="seconds")


def _day(day: date | None) -> str:
    """`29-Sep-2026`, in English whatever the locale."""
    return "" if day is None else f"{day.day:02d}-{_MONTHS[day.month - 1]}-{day.year}"


def _tsv(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["\t".join(header)]
    lines += ["\t".join(row) for row in rows]
    return "\r\n".join(lines) + "\r\n"


def _document(
    world: World,
    store: str,
    feed: str,
    text: str,
    rows: int,
    bad: int,
    label: str,
    report_type: str | None,
    ending: str = "tsv",
) -> Document:
    charset = charset_of(world, store, feed)
    declared = {"cp932": "windows-31j", "cp1252": "Cp1252", "utf-8": "UTF-8"}[charset]
    return Document(
        content=text.encode(charset, "replace"),
        file_name=f"{feed}_{store}_{label}.{ending}",
        report_type=report_type,
        charset=declared if report_type and chance(world.seed, "declared", feed, store, label) < 0.7 else None,
        rows=rows,
        bad=bad,
    )


def _spoilt_days(world: World, feed: str, store: str, window: Window) -> list[date]:
    """Days of a window on which the source has a row that no contract can accept; the same in every pull.

    Two a document at most: more would be no accident, and rightly block a release.
    """
    offset = int(chance(world.seed, "spoilt", feed, store) * 16)
    return [day for day in window.days() if day.toordinal() % 16 == offset][-2:]


def _label(window: Window | None, at: datetime) -> str:
    return f"{at:%Y%m%dT%H%M}" if window is None else f"{window.first:%Y%m%d}-{window.last:%Y%m%d}_{at:%Y%m%dT%H%M}"


# -- FBA returns -----------------------------------------------------------------------------------------------------


def _fba_returns(world: World, store: str, window: Window | None, at: datetime, _type: str | None) -> Document:
    assert window is not None  # noqa: S101
    home = world.home(store).marketplace
    only_days = writes_days_only(world, store)
    found = []
    for day in window.days():
        for unit in world.fba_by_day[store].get(day, ()):
            dated = at_instant(unit.dates, at)
            if dated is not None and dated.date() == day:
                found.append((dated, unit))
    found.sort(key=lambda pair: pair[0])
    rows = []
    for dated, unit in found:
        status = at_instant(unit.statuses, at) or ""
        # the title under which the unit was sold
        language = get_marketplace((unit.line and unit.line.marketplace) or home).language[:2]
        row = (
            f"{dated:%d-%m-%Y}" if only_days else _instant(dated), unit.order_id, unit.sku, unit.product.asin,
            unit.product.fnsku, unit.product.title(language), str(unit.quantity), unit.centre, unit.disposition,
            unit.code, status, unit.plate, unit.comment.text if unit.comment else "",
        )  # fmt: skip
        rows.append(row if not only_days else row[:10] + row[11:])
    spoilt = []
    for day in _spoilt_days(world, "fba_returns", store, window):
        kind = day.toordinal() // 16 % 4
        when = f"{day:%d-%m-%Y}" if only_days else f"{day}T12:00:00+00:00"
        spoilt_row: list[str] = [when, f"900-{day.toordinal()}-0000001", "SPOILT-1", "B000000001", "X000000001", "?",
        "1", "SDF8", "SELLABLE",
               "DEFECTIVE", "", "", ""]  # fmt: skip
        if kind == 0:
            spoilt_row[0] = "00-00-0000" if only_days else "0000-00-00T00:00:00+00:00"
        elif kind == 1:
            spoilt_row[3] = "not an asin"
        elif kind == 2:
            spoilt_row[6] = "-1"
        else:
            spoilt_row = spoilt_row[:3]  # the connection broke inside a line
        spoilt.append(tuple(spoilt_row[:10] + spoilt_row[11:] if only_days else spoilt_row))
    text = _tsv(FBA_HEADER_AU if only_days else FBA_HEADER, [*rows, *spoilt])
    return _document(
        world,
        store,
        "fba_returns",
        text,
        len(rows) + len(spoilt),
        len(spoilt),
        _label(window, at),
        FEEDS["fba_returns"][0],
    )


# -- seller-fulfilled returns ----------------------------------------------------------------------------------------


def _mfn_returns(world: World, store: str, window: Window | None, at: datetime, _type: str | None) -> Document | None:
    assert window is not None  # noqa: S101
    is_eu = world.stores[store].region == "eu"
    rows: list[Sequence[str]] = []
    for day in window.days():
        for request in world.mfn_by_day[store].get(day, ()):
            state = at_instant(request.states, at)
            if state is None:
                continue
            line = request.line
            assert line.marketplace is not None  # noqa: S101
            row = [
                line.order_id, _day(world.day(store, line.marketplace, line.purchase_at)),
                _day(world.day(store, line.marketplace, request.request_at)), state.status, request.rma, " ",
                "AmazonPrePaidLabel" if request.label_cost is not None else "AmazonUnPaidLabel",
                " " if request.label_cost is None else money(request.label_cost, line.currency), line.currency,
                request.carrier, request.tracking, request.label_payer, "Y" if request.a_to_z else "N", "N",
                line.product.asin, line.sku, line.product.title(get_marketplace(line.marketplace).language[:2]),
                str(request.quantity), request.code, "Y" if request.in_policy else "N", "C-Returns", request.resolution,
                " ", _day(state.delivered_on) or " ", money(line.price, line.currency), str(line.quantity),
            ]  # fmt: skip
            rest = [
                "Item returned damaged" if state.safet_state else "", request.safet_id if state.safet_state else "",
                state.safet_state, _day(request.safet_at.date()) if state.safet_state and request.safet_at else "",
                "" if state.safet_paid is None else money(state.safet_paid, line.currency),
                "" if state.refunded is None else money(state.refunded, line.currency),
            ]  # fmt: skip
            if is_eu:
                row += [*rest, line.product.category, "", f"{line.place:011d}"]
            elif any(rest):
                row += rest
            else:
                row.append("")  # as the real report does: one tab, and the empty columns are not written
            rows.append(row)
    if not rows:
        return None  # without a return there is no document, the request is cancelled
    header = (*MFN_HEADER, "Category", "VAT", "Order Item ID") if is_eu else MFN_HEADER
    spoilt = []
    for day in _spoilt_days(world, "mfn_returns", store, window):
        row = list(rows[0][:_MFN_ALWAYS])
        row[0], row[4] = f"900-{day.toordinal()}-0000002", f"DSPOILT{day.toordinal()}"
        place, value = (("Return request date", "31-Feb-2026"), ("ASIN", "b0?"), ("Return quantity", "0"))[
            day.toordinal() // 16 % 3
        ]
        row[MFN_HEADER.index(place)] = value
        spoilt.append(row)
    text = _tsv(header, [*rows, *spoilt])
    return _document(
        world,
        store,
        "mfn_returns",
        text,
        len(rows) + len(spoilt),
        len(spoilt),
        _label(window, at),
        FEEDS["mfn_returns"][0],
    )


# -- orders ----------------------------------------------------------------------------------------------------------

_CITIES = (
    "Vexborough",
    "Quarleigh",
    "Ostermuhl",
    "Sankt Veltin",
    "Belcastro Nuovo",
    "Thornmere",
    "Ylvanes",
    "Port Quill",
)
_NAMES = ("Odalys Fennimore", "Ivo Trestle", "Marit Quandt", "Pell Okonjo", "Sunniva Bracken", "Tamsin Ruel")


def buyer(line: OrderLine) -> dict[str, str]:
    """Invented name, address and e-mail of the buyer of an order."""
    name = _NAMES[line.place % len(_NAMES)]
    return {
        "ship-city": _CITIES[line.place % len(_CITIES)],
        "ship-state": "QZ",
        "ship-postal-code": f"{line.place * 89 % 100_000:05d}",
        "buyer-email": f"{line.place:03d}x{line.order_id[-7:]}@marketplace.example.com",
        "buyer-name": name,
        "recipient-name": name,
        "buyer-company-name": "Quandt & Ruel Trading" if line.is_business else "",
    }


def orders_window_states(
    world: World, store: str, window: Window, at: datetime, report_type: str
) -> list[tuple[OrderLine, datetime, str]]:
    """The lines that a pull of orders shows, each with its last update and status at the instant."""
    is_by_update = report_type == BY_UPDATE
    index = (world.lines_by_update if is_by_update else world.lines_by_purchase)[store]
    found: dict[int, tuple[OrderLine, datetime, str]] = {}
    for day in window.days():
        for line in index.get(day, ()):
            current = None
            for since, status in line.states:
                if since > at:
                    break
                current = since, status
            if current is not None and (not is_by_update or current[0].date() == day):
                found[id(line)] = (line, *current)
    return list(found.values())


def shown_quantity(line: OrderLine, status: str) -> int | None:
    """The quantity that the report shows in a status; None is a blank."""
    return line.cancelled_quantity if status == "Cancelled" else line.quantity


def shows_price(line: OrderLine, status: str) -> bool:
    """Whether the report shows amounts: not while payment is pending, never for orders from outside Amazon."""
    if line.marketplace is None or status == "Pending":
        return False
    return status != "Cancelled" or line.cancelled_quantity == line.quantity


def _orders(world: World, store: str, window: Window | None, at: datetime, report_type: str | None) -> Document:
    assert window is not None  # noqa: S101
    report_type = report_type or BY_UPDATE
    tail = ORDERS_TAIL["na" if world.stores[store].region == "na" else "other"]
    home = world.home(store)
    rows: list[Sequence[str]] = []
    for line, updated_at, status in orders_window_states(world, store, window, at, report_type):
        place = home if line.marketplace is None else get_marketplace(line.marketplace)
        quantity = shown_quantity(line, status)
        has_price = shows_price(line, status)
        person = buyer(line)
        row = [
            line.order_id, f"SELLER-{line.order_id[-7:]}" if line.marketplace is None else "",
            _instant(line.purchase_at),
            _instant(updated_at), status, "Amazon" if line.channel == "FBA" else "Merchant",
            "Non-Amazon" if line.marketplace is None else place.sales_channel.capitalize(), "WebsiteOrderChannel",
            "Expedited" if line.channel == "FBA" else "Standard", line.product.title(place.language[:2]), line.sku,
            line.product.asin, status.split(" - ")[0], "" if quantity is None else str(quantity),
            place.currency if has_price else "", money(line.price, line.currency) if has_price else "",
            money(line.tax, line.currency) if has_price and line.tax else "", "", "", "", "",
            money(line.promotion, line.currency) if has_price and line.promotion else "", "", person["ship-city"],
            person["ship-state"], person["ship-postal-code"],
            "GB" if place.marketplace == "UK" else place.marketplace, "",
            "true" if line.is_business else "false", "", "Business Price" if line.is_business else "",
        ]  # fmt: skip
        row += [
            ("true" if line.is_replacement else "false") if name == "is-replacement-order"
            else line.original_order_id if name == "original-order-id" else person[name]
            for name in tail
        ]  # fmt: skip
        rows.append(row)
    width = len(ORDERS_HEADER) + len(tail)
    spoilt = []
    for day in _spoilt_days(world, "orders", store, window):
        row = [""] * width
        row[0], row[2], row[4], row[5], row[6] = (
            f"900-{day.toordinal()}-0000003",
            f"{day}T10:00:00+00:00",
            "Shipped",
            "Amazon",
            "Amazon.com",
        )
        row[10], row[11], row[13] = "SPOILT-3", "B000000003", "1"
        kind = day.toordinal() // 16 % 3
        if kind == 0:
            row[2] = "yesterday"
        elif kind == 1:
            row[13] = "-2"
        else:
            row[11] = ""
        spoilt.append(row)
    text = _tsv((*ORDERS_HEADER, *tail), [*rows, *spoilt])
    label = f"{'updated' if report_type == BY_UPDATE else 'ordered'}_{_label(window, at)}"
    return _document(world, store, "orders", text, len(rows) + len(spoilt), len(spoilt), label, report_type)


# -- settlements -----------------------------------------------------------------------------------------------------

SettlementKey = tuple[str, int]


def settlement_period(world: World, store: str, key: SettlementKey) -> tuple[datetime, datetime]:
    """Begin and end (exclusive) of a settlement of one marketplace."""
    marketplace, number = key
    shift = int(chance(world.seed, "settlement", store, marketplace) * _SETTLEMENT_DAYS)
    begin = _EPOCH + timedelta(days=shift + number * _SETTLEMENT_DAYS)
    return begin, begin + timedelta(days=_SETTLEMENT_DAYS)


def settlements_due(world: World, store: str, at: datetime, since: datetime | None = None) -> list[SettlementKey]:
    """Settlements whose document exists at an instant (a day after their end), oldest first; `since`: not before then.

    Those that began before the first day that pulls ask about are left out.
    """
    first = datetime(world.first_known.year, world.first_known.month, world.first_known.day, tzinfo=UTC)
    found = []
    for marketplace in world.stores[store].marketplaces:
        number = (first - settlement_period(world, store, (marketplace, 0))[0]).days // _SETTLEMENT_DAYS
        while True:
            begin, end = settlement_period(world, store, (marketplace, number))
            created = end + timedelta(days=1)
            if created > at:
                break
            if begin >= first and (since is None or created > since):
                found.append((created, (marketplace, number)))
            number += 1
    return [key for _, key in sorted(found)]


def _in_settlements(world: World, store: str) -> dict[SettlementKey, list[tuple[datetime, Any]]]:
    """What was posted, by settlement; kept on the world, since it is asked for once a document."""
    kept: dict[str, dict[SettlementKey, list[tuple[datetime, Any]]]] = world.__dict__.setdefault("_settlements", {})
    if store not in kept:
        found: dict[SettlementKey, list[tuple[datetime, Any]]] = {}
        begins = {m: settlement_period(world, store, (m, 0))[0] for m in world.stores[store].marketplaces}

        def post(marketplace: str, at: datetime, what: Any) -> None:
            found.setdefault((marketplace, (at - begins[marketplace]).days // _SETTLEMENT_DAYS), []).append((at, what))

        facts = world.facts[store]
        for line in facts.lines:
            shipped_at = line.shipped_at
            if line.marketplace is not None and shipped_at is not None and line.price:
                post(line.marketplace, shipped_at, line)
        for refund in facts.refunds:
            assert refund.line.marketplace is not None  # noqa: S101
            post(refund.line.marketplace, refund.posted_at, refund)
        for charge in facts.charges:
            post(charge.marketplace, charge.posted_at, charge)
        for posted in found.values():
            posted.sort(key=lambda pair: pair[0])
        kept[store] = found
    return kept[store]


def settlement_id(world: World, store: str, key: SettlementKey) -> str:
    """Number of a settlement."""
    return str(11_000_000_000 + int(chance(world.seed, "settlement id", store, *key) * 9_000_000_000))


def sale_fees(line: OrderLine) -> tuple[int, int]:
    """Referral fee and fulfilment fee of an order line, as positive amounts."""
    fee = line.product.category
    card = next(c["fee"] for c in tables()["categories"].values() if c["title"] == fee)
    fulfilment = round(card * tables()["price_level"][line.currency] * HUNDREDTHS) * line.quantity
    if line.currency in CURRENCIES_WITHOUT_DECIMALS:
        fulfilment = round(fulfilment / HUNDREDTHS) * HUNDREDTHS
    return _kept(line.price * 15 // 100, line.currency), fulfilment if line.channel == "FBA" else 0


def _kept(amount: int, currency: str) -> int:
    return amount // HUNDREDTHS * HUNDREDTHS if currency in CURRENCIES_WITHOUT_DECIMALS else amount


def settlement(world: World, store: str, key: SettlementKey) -> Document:
    """The document of one settlement: a summary row, then one row per amount."""
    marketplace, _ = key
    place = get_marketplace(marketplace)
    currency = place.currency
    is_eu = place.region == "eu"
    comma = is_eu and place.currency != "GBP"
    begin, end = settlement_period(world, store, key)
    number = settlement_id(world, store, key)
    total = 0
    rows: list[list[str]] = []

    def stamp(at: datetime) -> tuple[str, str]:
        if is_eu:
            return f"{at:%d.%m.%Y}", f"{at:%d.%m.%Y %H:%M:%S} UTC"
        return f"{at:%Y-%m-%d}", f"{at:%Y-%m-%d %H:%M:%S} UTC"

    def write(
        at: datetime, transaction: str, kind: str, description: str, amount: int, *, order_id: str = "", sku: str = "",
        adjustment: str = "", fulfilment: str = "", quantity: str = "", name: str = place.sales_channel.capitalize(),
    ) -> None:  # fmt: skip
        nonlocal total
        total += amount
        day, moment = stamp(at)
        item = f"{abs(hash_of(order_id + sku)):014d}" if order_id else ""
        rows.append([
            number, "", "", "", "", "", transaction, order_id, "", adjustment, "", name, kind, description,
            money(amount, currency, comma), fulfilment, day, moment, item, "", "", sku, quantity, "",
        ])  # fmt: skip

    for at, what in _in_settlements(world, store).get(key, ()):
        if isinstance(what, OrderLine):
            _write_sale(what, at, write)
        elif isinstance(what, Refund):
            _write_refund(what, at, write)
        elif isinstance(what, Charge):
            write(at, what.transaction, what.kind, what.description, what.amount, order_id=what.order_id, sku=what.sku,
                  name="" if what.description == "Storage Fee" else place.sales_channel.capitalize())  # fmt: skip
    write(
        end - timedelta(hours=1),
        "other-transaction",
        "other-transaction",
        "Subscription Fee",
        -3_999 // 100 * 100,
        name="",
    )
    first, last = stamp(begin)[1], stamp(end)[1]
    deposit = stamp(end + timedelta(days=2))[1]
    summary = [
        number,
        first,
        last,
        deposit,
        money(total, currency, comma),
        currency,
        *[""] * (len(SETTLEMENT_HEADER) - 6),
    ]
    text = _tsv(SETTLEMENT_HEADER, [summary, *rows])
    return _document(world, store, "settlements", text, len(rows) + 1, 0, number, FEEDS["settlements"][0])


def hash_of(text: str) -> int:
    """A number below 10^14 that depends on nothing but the text."""
    return int(chance(text) * 10**14)


def _write_sale(line: OrderLine, at: datetime, write: Callable[..., None]) -> None:
    where = {"order_id": line.order_id, "sku": line.sku, "fulfilment": "AFN" if line.channel == "FBA" else "MFN"}
    commission, fulfilment = sale_fees(line)
    if line.quantity == 2 and line.place % 4 == 0 and line.price % (2 * HUNDREDTHS) == 0:
        # sent in two parcels: two rows that differ in nothing
        for _ in range(2):
            write(at, "Order", "ItemPrice", "Principal", line.price // 2, quantity="1", **where)
    else:
        write(at, "Order", "ItemPrice", "Principal", line.price, quantity=str(line.quantity), **where)
    if line.tax:
        write(at, "Order", "ItemPrice", "Tax", line.tax, **where)
        write(at, "Order", "ItemWithheldTax", "MarketplaceFacilitatorTax-Principal", -line.tax, **where)
    if line.promotion:
        write(at, "Order", "Promotion", "Principal", -line.promotion, **where)
    write(at, "Order", "ItemFees", "Commission", -commission, **where)
    if fulfilment:
        write(at, "Order", "ItemFees", "FBAPerUnitFulfillmentFee", -fulfilment, **where)


def refund_fees(refund: Refund) -> tuple[int, int]:
    """Referral fee given back to the seller, and the part of it that Amazon keeps, as positive amounts."""
    back = _kept(refund.goods * 15 // 100, refund.line.currency)
    return back, min(_kept(back // 5, refund.line.currency), 500)


def _write_refund(refund: Refund, at: datetime, write: Callable[..., None]) -> None:
    line = refund.line
    where = {
        "order_id": line.order_id, "sku": line.sku, "adjustment": refund.adjustment_id,
        "fulfilment": "AFN" if line.channel == "FBA" else "MFN",
    }  # fmt: skip
    back, kept = refund_fees(refund)
    quantity = str(refund.units) if refund.writes_units else ""
    write(at, refund.kind, "ItemPrice", "Principal", -refund.goods, quantity=quantity, **where)
    if refund.tax:
        write(at, refund.kind, "ItemPrice", "Tax", -refund.tax, **where)
        write(at, refund.kind, "ItemWithheldTax", "MarketplaceFacilitatorTax-Principal", refund.tax, **where)
    if refund.restocking:
        write(at, refund.kind, "ItemPrice", "RestockingFee", refund.restocking, **where)
    if refund.promotion:
        write(at, refund.kind, "Promotion", "Principal", refund.promotion, **where)
    write(at, refund.kind, "ItemFees", "Commission", back, **where)
    if kept:
        write(at, refund.kind, "ItemFees", "RefundCommission", -kept, **where)


# -- stock and catalogue ---------------------------------------------------------------------------------------------


def stock(world: World, store: str, sku: str, at: datetime) -> dict[str, int]:
    """Stock of a SKU at an instant: sold down for three weeks, then filled up again."""
    age = at.date().toordinal() + int(chance(world.seed, "stock", store, sku) * 21)
    fulfillable = 4 + (20 - age % 21) * (2 + int(chance(world.seed, "pace", store, sku) * 6))
    inbound = 60 if age % 21 > 14 else 0
    reserved = age % 5
    return {
        "fulfillable": fulfillable, "unsellable": age // 7 % 4, "reserved": reserved, "inbound_working": 0,
        "inbound_shipped": inbound, "inbound_receiving": age % 3,
    }  # fmt: skip


def _inventory(world: World, store: str, _window: Window | None, at: datetime, _type: str | None) -> Document:
    home = world.home(store)
    rows = []
    for product in world.products:
        if "FBA" not in product.channels:
            continue
        sku = product.sku("FBA")
        units = stock(world, store, sku, at)
        warehouse = units["fulfillable"] + units["unsellable"] + units["reserved"]
        inbound = units["inbound_working"] + units["inbound_shipped"] + units["inbound_receiving"]
        rows.append((
            sku, product.fnsku, product.asin, product.title(home.language[:2]), "New",
            money(product.price(home.currency), home.currency), "Yes" if "FBM" in product.channels else "No",
            "5" if "FBM" in product.channels else "", "Yes", str(warehouse), str(units["fulfillable"]),
            str(units["unsellable"]), str(units["reserved"]), str(warehouse + inbound), "0.12",
            str(units["inbound_working"]), str(units["inbound_shipped"]), str(units["inbound_receiving"]), "0", "0",
            "0",
        ))  # fmt: skip
    text = _tsv(INVENTORY_HEADER, rows)
    return _document(world, store, "inventory", text, len(rows), 0, _label(None, at), FEEDS["inventory"][0])


def listings_language(world: World, store: str) -> str:
    """Language of the account: that of its home where it has words for it; a second American account is Chinese."""
    if world.stores[store].region == "na":
        americans = [name for name, other in world.stores.items() if other.region == "na"]
        return "zh" if americans.index(store) > 0 else "en"
    language = world.home(store).language[:2]
    return language if language in LISTINGS_LOCAL else "en"


def _listings(world: World, store: str, _window: Window | None, at: datetime, _type: str | None) -> Document:
    home = world.home(store)
    fulfilment = {"na": "AMAZON_NA", "eu": "AMAZON_EU", "fe": "AMAZON_JP"}[home.region]
    local = LISTINGS_LOCAL.get(listings_language(world, store), {})
    rows = []
    for product in world.products:
        for channel in product.channels:
            cells = dict.fromkeys(LISTINGS_HEADER, "")
            cells |= {
                "item-name": product.title(home.language[:2]),
                "listing-id": f"0{hash_of(product.asin + channel) % 10**9:09d}",
                "seller-sku": product.sku(channel), "price": money(product.price(home.currency), home.currency),
                "quantity": "" if channel == "FBA" else "5", "open-date": _open_date(product.index, home.region),
                "item-is-marketplace": "y", "product-id-type": "1", "item-condition": "11", "asin1": product.asin,
                "product-id": product.asin, "fulfillment-channel": fulfilment if channel == "FBA" else "DEFAULT",
                "merchant-shipping-group": "Migrated Template", "status": "Active",
            }  # fmt: skip
            rows.append(tuple(cells.values()))
    text = _tsv([local.get(name, name) for name in LISTINGS_HEADER], rows)
    return _document(world, store, "listings", text, len(rows), 0, _label(None, at), FEEDS["listings"][0])


def _open_date(index: int, region: str) -> str:
    day = date(2023, 1, 1) + timedelta(days=index * 11 % 700)
    if region == "eu":
        return f"{day:%d/%m/%Y} 16:07:58 {'MEST' if 4 <= day.month <= 9 else 'MET'}"
    return f"{day} 20:35:17 {'PDT' if 4 <= day.month <= 10 else 'PST'}" if region == "na" else f"{day} 10:12:13 JST"


# -- downloads and reviews -------------------------------------------------------------------------------------------


def grade_days(window: Window | None, at: datetime) -> Window:
    """The days that a Grade and Resell download shows."""
    return window or Window(at.date() - timedelta(days=_GRADE_DAYS), at.date())


def _grade_resell(world: World, store: str, window: Window | None, at: datetime, _type: str | None) -> Document:
    shown = grade_days(window, at)
    is_eu = world.stores[store].region != "na"
    rows: list[Sequence[str]] = []

    def day(when: date) -> str:
        return f"{when:%d/%m/%Y}" if is_eu else f"{when:%m/%d/%Y}"

    def row(when: str, order_id: str, plate: str, sku: str, fnsku: str, asin: str, quantity: str, disposition: str,
            status: str, why: str, condition: str, used_sku: str) -> Sequence[str]:  # fmt: skip
        if is_eu:
            return when, order_id, plate, sku, asin, disposition, status, why, condition, used_sku
        used_fnsku = f"X00U{used_sku[-9:-3]}".upper() if used_sku else ""
        return (when, order_id, "Grade and Resell", plate, "", sku, fnsku, asin, quantity, status, why, condition,
        used_sku,
                used_fnsku)  # fmt: skip

    for graded in world.facts[store].graded:
        state = at_instant(graded.conditions, at)
        if state is None or not shown.first <= graded.event_day <= shown.last:
            continue
        unit = graded.unit
        rows.append(row(day(graded.event_day), unit.order_id, unit.plate, unit.sku, unit.product.fnsku,
        unit.product.asin, "1",
                        unit.disposition, graded.status, graded.reason, *state))  # fmt: skip
    bad = 0
    for when in _spoilt_days(world, "grade_resell", store, shown):
        bad += 1
        rows.append(row("13/32/2026" if bad == 1 else day(when), f"900-{when.toordinal()}-0000004",
        f"LPNSPOILT{when.toordinal()}",
                        "SPOILT-4", "", "B000000004" if bad == 1 else "", "1", "SELLABLE", "Succeeded", "",
                        "Used – Good",
                        ""))  # fmt: skip
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(GRADE_HEADER_EU if is_eu else GRADE_HEADER)
    writer.writerows(rows)
    return _document(world, store, "grade_resell", out.getvalue(), len(rows), bad, _label(window, at), None, "csv")


def reviews_window(world: World, window: Window | None, at: datetime) -> tuple[date, date]:
    """The UTC days of writing that an export of reviews covers: the last thirty, or all in the first night."""
    if window is not None:
        return window.first, window.last
    last = at.date()
    first_export = at.date() <= world.first_night + timedelta(days=1)
    return (world.first_known if first_export else last - timedelta(days=_REVIEW_DAYS)), last


def _reviews(world: World, store: str, window: Window | None, at: datetime, _type: str | None) -> Document:
    first, last = reviews_window(world, window, at)
    is_old = world.stores[store].region == "eu"
    names_marketplace = len(world.stores[store].marketplaces) > 1
    lines = []
    for review in world.facts[store].reviews:
        votes = at_instant(review.votes, at)
        if votes is None or not first <= review.written_at.date() <= last:
            continue
        zone = ZoneInfo(get_marketplace(review.marketplace).time_zone)
        found: dict[str, Any]
        if is_old:
            found = {"overall": float(review.stars)}
            if votes:
                found["vote"] = f"{votes:,}"
            found |= {
                "verified": review.is_verified, "reviewTime": f"{review.written_at.astimezone(zone):%m %d, %Y}",
                "reviewerID": review.reviewer_id, "asin": review.product.asin,
                "reviewerName": _NAMES[len(review.title) % len(_NAMES)], "reviewText": review.body.text,
                "summary": review.title, "unixReviewTime": int(review.written_at.timestamp()),
            }  # fmt: skip
        else:
            found = {
                "rating": float(review.stars), "title": review.title, "text": review.body.text, "images": [],
                "asin": review.product.asin, "parent_asin": review.product.asin, "user_id": review.reviewer_id,
                "timestamp": int(review.written_at.timestamp()) * 1_000, "helpful_vote": votes,
                "verified_purchase": review.is_verified,
            }  # fmt: skip
        if names_marketplace:
            found["marketplace"] = review.marketplace
        lines += [json.dumps(found, ensure_ascii=False)] * (2 if review.is_copied else 1)
    spoilt = []
    for day in _spoilt_days(world, "reviews", store, Window(first, last)):
        stars = 7.0 if day.toordinal() // 16 % 2 else None
        if is_old:
            spoilt.append(
                {"overall": stars, "reviewerID": f"SPOILT{day.toordinal()}", "asin": "B000000005", "reviewText": "?"}
            )
        else:
            spoilt.append({"rating": stars, "user_id": f"SPOILT{day.toordinal()}", "asin": "B000000005", "text": "?"})
    lines += [json.dumps(row) for row in spoilt]
    text = "".join(f"{line}\n" for line in lines)
    return _document(world, store, "reviews", text, len(lines), len(spoilt), _label(window, at), None, "jsonl")


_WRITERS: dict[str, Callable[[World, str, Window | None, datetime, str | None], Document | None]] = {
    "fba_returns": _fba_returns,
    "mfn_returns": _mfn_returns,
    "orders": _orders,
    "inventory": _inventory,
    "listings": _listings,
    "grade_resell": _grade_resell,
    "reviews": _reviews,
}


def planted_personal_data(world: World) -> frozenset[str]:
    """Every invented piece of personal data in the reports: what buyers wrote, and the columns about them."""
    return world.personal_data | {*_CITIES, *_NAMES, "Quandt & Ruel Trading", "@marketplace.example.com"}
