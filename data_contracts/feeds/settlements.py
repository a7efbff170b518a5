"""Settlement report, flat file V2: one row per amount that moved.

Belongs here: this feed's declaration. Does not belong: which amounts are a refund (dbt).
"""

from data_contracts.feed import Column, Feed, Kind, Merge

FEED = Feed(
    name="settlements",
    title="Settlements",
    description=(
        "Money of one settlement. The first row is a summary, its currency holds for the whole settlement. Identical "
        "detail rows are legitimate, so a settlement merges whole by its id: the newest delivery of it wins."
    ),
    merge=Merge.KEYED,
    key=("settlement_id",),
    event="posted_date",
    fresh_days=21,  # one settlement every other week, and its report a day or more after its end
    report_types=("GET_V2_SETTLEMENT_REPORT_DATA_FLAT_FILE_V2",),
    columns=(
        Column("settlement_id", description="Settlement.", required=True, nullable=False),
        Column("settlement_start_date", Kind.MOMENT, "Start; summary row only.", day_first=True),
        Column("settlement_end_date", Kind.MOMENT, "End; summary row only.", day_first=True),
        Column("deposit_date", Kind.MOMENT, "Pay-out; summary row only.", day_first=True),
        Column("total_amount", Kind.MONEY, "Sum of the settlement; summary row only."),
        Column("currency", description="ISO 4217 code; summary row only in most reports.", pattern=r"[A-Z]{3}"),
        Column("transaction_type", description="Order, Refund, other-transaction, …", required=True),
        Column("order_id", description="Amazon order."),
        Column("merchant_order_id", description="Seller's order number."),
        Column("adjustment_id", description="Adjustment."),
        Column("shipment_id", description="Shipment."),
        Column("marketplace_name", description="Amazon.com, …; may be blank."),
        Column("amount_type", description="ItemPrice, ItemFees, …", required=True),
        Column("amount_description", description="Principal, Commission, …", required=True),
        Column("amount", Kind.MONEY, "Amount, negative = paid by the seller.", required=True),
        Column("fulfillment_id", description="AFN or MFN."),
        Column("posted_date", Kind.MOMENT, "Day of posting.", day_first=True),
        Column("posted_date_time", Kind.MOMENT, "Instant of posting.", day_first=True),
        Column("order_item_code", description="Order item."),
        Column("merchant_order_item_id", description="Seller's order item."),
        Column("merchant_adjustment_item_id", description="Seller's adjustment item."),
        Column("sku", description="Seller's SKU."),
        Column("quantity_purchased", Kind.INTEGER, "Units; blank on many refunds."),
        Column("promotion_id", description="Promotion."),
    ),
)
