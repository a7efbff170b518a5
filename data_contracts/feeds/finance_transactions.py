"""Transactions of the Finances API (2024-06-19): one row per amount at the end of a breakdown.

Belongs here: this feed's declaration. Does not belong: how an answer becomes rows (`ingestion/decode/answers.py`),
which transactions count (dbt).
"""

from data_contracts.feed import Column, Feed, Kind, Merge

FEED = Feed(
    name="finance_transactions",
    title="Financial transactions",
    description=(
        "Money that moved, days before a settlement reports it. Amounts are nested: only the ends of breakdowns are "
        "rows, `amount_path` says where they hang. The same transaction comes again in later answers with another "
        "status, so its newest delivery wins; a deferred one and the one that releases it are told apart by their "
        "numbers. Transactions of the last 48 hours may still be missing."
    ),
    merge=Merge.KEYED,
    key=("transaction_id",),
    fallback_key=("transaction_type", "posted_date", "total_amount", "order_id"),
    event="posted_date",
    operation="listTransactions",
    max_days=45,  # Amazon allows 180; a night's look-back fits into one request, and a delivery stays small
    restated_days=35,
    columns=(
        Column("transaction_id", description="Transaction."),
        Column("transaction_type", description="Shipment, Refund, ServiceFee, …", required=True, nullable=False),
        Column("transaction_status", description="DEFERRED, RELEASED or DEFERRED_RELEASED.", required=True),
        Column("description", description="What it was for: Order Payment, Refund Order, …"),
        Column("posted_date", Kind.MOMENT, "When it was posted.", required=True, nullable=False),
        Column("total_amount", Kind.MONEY, "Amount of the whole transaction.", required=True, nullable=False),
        Column("currency", description="ISO 4217 code.", required=True, nullable=False, pattern=r"[A-Z]{3}"),
        Column("marketplace_id", description="Marketplace, by Amazon's id."),
        Column("marketplace_name", description="Marketplace, by name: Amazon.com, …"),
        Column("order_id", description="Amazon order."),
        Column("shipment_id", description="Shipment."),
        Column("refund_id", description="Refund."),
        Column("settlement_id", description="Settlement that pays it, once it is known."),
        Column("financial_event_group_id", description="Group of events that is paid together."),
        Column("deferred_transaction_id", description="Deferred transaction that this one releases."),
        Column("release_transaction_id", description="Transaction that released this one."),
        Column("item_number", Kind.INTEGER, "Item within the transaction, from 1; blank for the whole.", minimum=1),
        Column("item_description", description="Title of the item."),
        Column("asin", description="Amazon's item number.", pattern=r"[A-Z0-9]{10}"),
        Column("sku", description="Seller's SKU."),
        Column("quantity", Kind.INTEGER, "Units of the item."),
        Column("fulfillment_network", description="AFN or MFN."),
        Column("amount_number", Kind.INTEGER, "Place of the amount within the transaction, from 1.", minimum=1),
        Column("amount_path", description="Breakdown types from the outermost to the amount's own, joined by `/`."),
        Column("amount_type", description="The amount's own breakdown type: OurPricePrincipal, Commission, …"),
        Column("amount", Kind.MONEY, "Amount, negative = paid by the seller.", required=True, nullable=False),
    ),
)
