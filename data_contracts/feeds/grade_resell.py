"""FBA Grade and Resell report: one row per returned unit that was evaluated for resale.

Belongs here: this feed's declaration. Does not belong: sales and fees of the used units (orders, settlements).
"""

from data_contracts.feed import Column, Feed, Kind, Merge

FEED = Feed(
    name="grade_resell",
    title="Grade and Resell",
    description=(
        "Returned units evaluated by Amazon for resale as used. Only a Seller Central download exists and its literal "
        "header is not public, so columns are found by alias. Units with a plate merge by it."
    ),
    merge=Merge.KEYED,
    key=("lpn", "order_id"),
    fallback_key=("order_id", "manual_order_item_id", "sku", "asin", "event_date"),
    event="event_date",
    fresh_days=None,
    columns=(
        Column(
            "event_date",
            Kind.MOMENT,
            "When the unit was processed.",
            ("date", "return-process-date", "process-date", "processed-date", "return-date"),
            required=True,
            nullable=False,
        ),
        Column("order_id", description="Order or value-recovery order.", aliases=("amazon-order-id",)),
        Column("value_recovery_type", description="Kind of recovery; value set not public."),
        Column("lpn", description="Plate of the unit.", aliases=("license-plate-number",)),
        Column("manual_order_item_id", description="Item of a manual order."),
        Column("sku", description="SKU of the new item.", aliases=("merchant-sku", "msku", "seller-sku")),
        Column("fnsku", description="Fulfilment network SKU of the new item."),
        Column("asin", description="Amazon's item number.", required=True, nullable=False, pattern=r"[A-Z0-9]{10}"),
        Column("quantity", Kind.INTEGER, "Units; 1 where the report has no such column.", minimum=1, maximum=100_000),
        Column("unit_status", description="Succeeded or Failed.", aliases=("status", "grading-status"), required=True),
        Column("reason_for_unit_status", description="Why it failed.", aliases=("reason", "status-reason")),
        Column(
            "used_condition",
            description="Used – Like New, Used – Very Good, Used – Good, Used – Acceptable.",
            aliases=("grade-and-resell-used-condition", "grading-condition", "condition", "used-item-condition"),
            required=True,
        ),
        Column(
            "used_sku",
            description="SKU under which the used unit is sold.",
            aliases=("used-merchant-sku", "grade-and-resell-used-merchant-sku", "used-msku"),
        ),
        Column(
            "used_fnsku",
            description="Fulfilment network SKU of the used unit.",
            aliases=("grade-and-resell-used-fnsku",),
        ),
        Column("disposition", description="Condition found at return.", aliases=("detailed-disposition",)),
    ),
)
