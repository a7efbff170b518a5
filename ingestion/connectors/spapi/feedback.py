"""Customer Feedback API 2024-06-01: what buyers praise and blame per item, and why a category's items come back.

Belongs here: its seven operations, and the share of returns by topic in types. Does not belong: comparing them with our
own reasons (dbt). There is no operation for returns of a single item: Amazon gives them per browse node only.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from urllib.parse import quote

from ingestion.connectors.spapi.client import Client

_PATH = "/customerFeedback/2024-06-01"
Resource = Literal["reviews/topics", "reviews/trends", "returns/topics", "returns/trends"]
SortBy = Literal["MENTIONS", "STAR_RATING_IMPACT"]


@dataclass(frozen=True)
class ReturnTopic:
    """A reason for returns in a browse node. share: percent of returns, 0 to 100, over all its products."""

    topic: str
    share: Decimal | None


def item(
    client: Client,
    asin: str,
    marketplace_id: str,
    resource: Literal["reviews/topics", "reviews/trends"],
    until: datetime,
    *,
    sort_by: SortBy = "MENTIONS",
) -> dict[str, Any] | None:
    """Review topics or trends of an item; None when Amazon has too little to say. Raises as `Client.call_patiently`."""
    return _get(client, f"items/{quote(asin, safe='')}/{resource}", marketplace_id, until, _sorted(resource, sort_by))


def browse_node_of(client: Client, asin: str, marketplace_id: str, until: datetime) -> tuple[str, str] | None:
    """Id and name of the browse node that an item belongs to."""
    given = _get(client, f"items/{quote(asin, safe='')}/browseNode", marketplace_id, until, {})
    return (str(given["browseNodeId"]), str(given.get("displayName") or "")) if given else None


def browse_node(
    client: Client,
    node: str,
    marketplace_id: str,
    resource: Resource,
    until: datetime,
    *,
    sort_by: SortBy = "MENTIONS",
) -> dict[str, Any] | None:
    """Review or return topics or trends of a browse node; None when Amazon has too little to say."""
    return _get(
        client, f"browseNodes/{quote(node, safe='')}/{resource}", marketplace_id, until, _sorted(resource, sort_by)
    )


def return_topics(given: dict[str, Any] | None) -> list[ReturnTopic]:
    """Topics of an answer to `returns/topics`, trimmed, because Amazon's have trailing blanks."""
    found = []
    for one in (given or {}).get("topics") or []:
        share = ((one.get("browseNodeMetrics") or {}).get("occurrencePercentage") or {}).get("allProducts")
        found.append(ReturnTopic(str(one["topic"]).strip(), None if share is None else Decimal(str(share))))
    return found


def _sorted(resource: Resource, sort_by: SortBy) -> dict[str, str]:
    return {"sortBy": sort_by} if resource == "reviews/topics" else {}


def _get(
    client: Client, path: str, marketplace_id: str, until: datetime, params: dict[str, str]
) -> dict[str, Any] | None:
    asked = {"marketplaceId": marketplace_id} | params
    return client.call_patiently("customerFeedback", "GET", f"{_PATH}/{path}", params=asked, until=until) or None
