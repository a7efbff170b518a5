"""What is particular to each report type, and the Reports API spoken in our words.

Belongs here: one line per report type, and the operations of reports_2021-06-30 that a pull needs. Does not belong:
columns (`data_contracts.feeds`), the life of a report across restarts (`connector.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from ingestion.connectors.spapi.client import Client
from ingestion.failures import TransientFailure

_PATH = "/reports/2021-06-30"
#: Amazon's throttle by content: an equal request sooner than this comes back CANCELLED or FATAL (developer-docs,
#: "FBA report type values": near-real-time reports every 30 minutes, daily ones every 4 hours)
NEAR_REAL_TIME = timedelta(minutes=30)
DAILY = timedelta(hours=4)
#: the longest look-back of getReports, with room for clocks that differ
_FOUND_SINCE = timedelta(days=89, hours=12)


@dataclass(frozen=True)
class ReportType:
    """How Amazon makes a report.

    cool_down: how soon an equal request may follow. is_requestable: False where Amazon makes it by itself and it can
    only be found. options: `reportOptions` of the request.
    """

    cool_down: timedelta = NEAR_REAL_TIME
    is_requestable: bool = True
    options: dict[str, str] = field(default_factory=dict)


#: English headers whatever the language of the account: aliases cover the others, but new ones need no new alias
_ENGLISH = {"preferredReportDocumentLocale": "en_US"}

REPORT_TYPES = {
    "GET_FBA_FULFILLMENT_CUSTOMER_RETURNS_DATA": ReportType(DAILY),
    "GET_FBA_FULFILLMENT_CUSTOMER_SHIPMENT_REPLACEMENT_DATA": ReportType(DAILY),
    "GET_FBA_REIMBURSEMENTS_DATA": ReportType(DAILY),
    "GET_LEDGER_DETAIL_VIEW_DATA": ReportType(DAILY),
    "GET_LEDGER_SUMMARY_VIEW_DATA": ReportType(DAILY),
    "GET_FBA_FULFILLMENT_REMOVAL_ORDER_DETAIL_DATA": ReportType(),
    "GET_FBA_FULFILLMENT_REMOVAL_SHIPMENT_DETAIL_DATA": ReportType(),
    "GET_AMAZON_FULFILLED_SHIPMENTS_DATA_GENERAL": ReportType(),
    "GET_FBA_MYI_UNSUPPRESSED_INVENTORY_DATA": ReportType(),
    # exempt from the throttle by content (same page)
    "GET_FLAT_FILE_ALL_ORDERS_DATA_BY_ORDER_DATE_GENERAL": ReportType(timedelta(0)),
    "GET_FLAT_FILE_ALL_ORDERS_DATA_BY_LAST_UPDATE_GENERAL": ReportType(timedelta(0)),
    # nothing is published for these; half an hour is the pause that other connectors observed to be enough
    "GET_FLAT_FILE_RETURNS_DATA_BY_RETURN_DATE": ReportType(),
    "GET_SELLER_FEEDBACK_DATA": ReportType(options=_ENGLISH),
    "GET_MERCHANT_LISTINGS_ALL_DATA": ReportType(options=_ENGLISH),
    "GET_V2_SETTLEMENT_REPORT_DATA_FLAT_FILE_V2": ReportType(is_requestable=False),
}


def report_type(name: str) -> ReportType:
    """What is known of a type; the cautious default for one that is not listed."""
    return REPORT_TYPES.get(name, ReportType())


@dataclass(frozen=True)
class Report:
    """A report as Amazon describes it. Times in UTC; `finished_at` is when its content was fixed."""

    report_id: str
    report_type: str
    status: str
    created_at: datetime
    finished_at: datetime | None
    data_start: datetime | None
    data_end: datetime | None
    marketplaces: tuple[str, ...]
    document_id: str | None


def create(
    client: Client,
    name: str,
    marketplaces: Sequence[str],
    start: datetime | None,
    end: datetime | None,
) -> str:
    """Ask for a report; its id. Raises as `Client.exchange`; after anything but a refusal it may exist all the same."""
    body: dict[str, Any] = {"reportType": name, "marketplaceIds": list(marketplaces)}
    if start is not None and end is not None:
        body |= {"dataStartTime": wire(start), "dataEndTime": wire(end)}
    if options := report_type(name).options:
        body["reportOptions"] = options
    given, _ = client.exchange("createReport", "POST", f"{_PATH}/reports", body=body)
    return _text(given, "reportId")


def get(client: Client, report_id: str) -> Report:
    """The state of a report. Raises as `Client.exchange`."""
    given, _ = client.exchange("getReport", "GET", f"{_PATH}/reports/{quote(report_id, safe='')}")
    return _report(given)


def find(client: Client, name: str, *, since: datetime, done_only: bool, until: datetime) -> Iterator[Report]:
    """Reports of a type that exist already, each once. Raises as `Client.exchange_patiently`."""
    params = {
        "reportTypes": name,
        "pageSize": "100",
        "createdSince": wire(max(since, client.now() - _FOUND_SINCE)),
    }
    if done_only:
        params["processingStatuses"] = "DONE"
    seen: set[str] = set()
    tokens: set[str] = set()
    while True:
        page, _ = client.exchange_patiently("getReports", "GET", f"{_PATH}/reports", params=params, until=until)
        listed = page.get("reports")
        for one in listed if isinstance(listed, list) else []:
            report = _report(one)
            if report.report_id not in seen:
                seen.add(report.report_id)
                yield report
        token = page.get("nextToken")
        if not token or not isinstance(token, str):
            return
        if token in tokens:
            raise TransientFailure(
                "getReports leads in a circle", f"{name}, after {len(seen)} reports", "Run again later."
            )
        tokens.add(token)
        params = {"nextToken": token}  # must be the only parameter


def document_address(client: Client, document_id: str, until: datetime) -> str:
    """A presigned address, good for five minutes: a secret, never logged. Raises as `Client.exchange_patiently`."""
    path = f"{_PATH}/documents/{quote(document_id, safe='')}"
    given, _ = client.exchange_patiently("getReportDocument", "GET", path, until=until)
    return _text(given, "url")


def wire(moment: datetime) -> str:
    """A moment as SP-API takes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _report(given: Any) -> Report:
    if not isinstance(given, dict):
        raise _malformed("a report")
    finished = given.get("processingEndTime")
    document = given.get("reportDocumentId")
    markets = given.get("marketplaceIds")
    return Report(
        report_id=_text(given, "reportId"),
        report_type=_text(given, "reportType"),
        status=_text(given, "processingStatus"),
        created_at=_moment(_text(given, "createdTime")),
        finished_at=_moment(finished) if isinstance(finished, str) else None,
        data_start=_moment(given["dataStartTime"]) if isinstance(given.get("dataStartTime"), str) else None,
        data_end=_moment(given["dataEndTime"]) if isinstance(given.get("dataEndTime"), str) else None,
        marketplaces=tuple(str(one) for one in markets) if isinstance(markets, list) else (),
        document_id=document if isinstance(document, str) and document else None,
    )


def _text(given: dict[str, Any], key: str) -> str:
    value = given.get(key)
    if not isinstance(value, str) or not value:
        raise _malformed(key)
    return value


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _malformed("a moment") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def _malformed(what: str) -> TransientFailure:
    return TransientFailure(f"SP-API's answer lacks {what}", "Reports API", "Run again later.")
