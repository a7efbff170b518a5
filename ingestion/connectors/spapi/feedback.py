"""Customer Feedback API 2024-06-01: what buyers praise and blame per item, and why a category's items come back.

Belongs here: its operations, item by item, kept as Amazon answered. Does not belong: what an answer holds
(`ingestion.decode.answers`), comparing it with our own reasons (dbt). There is no operation for returns of a single
item: Amazon gives them per browse node only.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import IO, Any
from urllib.parse import quote

from ingestion.connectors.spapi.client import Client
from ingestion.connectors.spapi.reports import wire
from ingestion.connectors.spapi.verbatim import on_one_line
from ingestion.decode.answers import OPERATION as KEY

OPERATION = "customerFeedback"
_PATH = "/customerFeedback/2024-06-01"
#: what is asked of an item, and of each browse node that the items belong to
ITEM_RESOURCES = ("reviews/topics", "reviews/trends")
NODE_RESOURCES = ("reviews/topics", "reviews/trends", "returns/topics", "returns/trends")
#: calls for an item (with the one that tells its browse node), and for a browse node
CALLS_PER_ITEM, CALLS_PER_NODE = len(ITEM_RESOURCES) + 1, len(NODE_RESOURCES)


def fetch(client: Client, asins: Sequence[str], marketplaces: Sequence[str], into: IO[str], until: datetime) -> int:
    """Write Amazon's answers about these items and their browse nodes, one line each; the number of answers.

    Each line says what was asked and holds the answer as it came, null where Amazon has too little to say. Raises as
    `Client.exchange_patiently`.
    """
    into.write(json.dumps({KEY: OPERATION, "asins": list(asins), "marketplaceIds": list(marketplaces)}) + "\n")
    count = 0

    def ask(kind: str, name: str, subject: str, resource: str, marketplace: str) -> None:
        nonlocal count
        _, text = _get(client, f"{kind}/{quote(subject, safe='')}/{resource}", marketplace, resource, until)
        asked = {
            "resource": f"{kind}/{resource}",
            "marketplaceId": marketplace,
            name: subject,
            "at": wire(client.now()),
        }
        into.write(f'{{"asked": {json.dumps(asked)}, "answer": {on_one_line(text) or "null"}}}\n')
        count += 1

    for marketplace in marketplaces:
        nodes: dict[str, None] = {}
        for asin in asins:
            for resource in ITEM_RESOURCES:
                ask("items", "asin", asin, resource, marketplace)
            node, _ = _get(client, f"items/{quote(asin, safe='')}/browseNode", marketplace, "browseNode", until)
            if isinstance(node.get("browseNodeId"), str):
                nodes[node["browseNodeId"]] = None
        for node_id in nodes:
            for resource in NODE_RESOURCES:
                ask("browseNodes", "browseNodeId", node_id, resource, marketplace)
    return count


def _get(client: Client, path: str, marketplace: str, resource: str, until: datetime) -> tuple[dict[str, Any], str]:
    asked = {"marketplaceId": marketplace} | ({"sortBy": "MENTIONS"} if resource == "reviews/topics" else {})
    return client.exchange_patiently(OPERATION, "GET", f"{_PATH}/{path}", params=asked, until=until)
