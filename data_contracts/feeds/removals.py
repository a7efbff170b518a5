"""FBA removal orders: one row per SKU and disposition that a seller has sent back, disposed of or liquidated.

Belongs here: this feed's declaration. Does not belong: which units should be removed (`mart_inventory`).
"""

from data_contracts.feed import Column, Feed, Kind, Merge

_QUANTITIES = {
    "requested_quantity": "Units asked for.",
    "cancelled_quantity": "Units that stay.",
    "disposed_quantity": "Units disposed of.",
    "shipped_quantity": "Units sent to the seller.",
    "in_process_quantity": "Units on which Amazon still works.",
}

FEED = Feed(
    name="removals",
    title="FBA removal orders",
    description=(
        "What was asked out of the fulfilment centres, and how far each line is. Quantities, status and fee of a line "
        "change for weeks, so rows merge by order, SKU and disposition, and the newest delivery wins."
    ),
    merge=Merge.KEYED,
    key=("removal_order_id", "sku", "fnsku", "disposition"),
    event="request_date",
    report_types=("GET_FBA_FULFILLMENT_REMOVAL_ORDER_DETAIL_DATA",),
    max_days=30,  # nothing is published
    restated_days=60,  # lines are worked on for weeks
    fresh_days=None,
    unused=("order-source",),
    columns=(
        Column("request_date", Kind.MOMENT, "When it was asked for.", required=True, nullable=False, day_first=True),
        Column(
            "removal_order_id",
            description="Removal order; the seller's own number where he gave one.",
            aliases=("order-id",),
            required=True,
            nullable=False,
        ),
        Column("order_type", description="Return, Disposal, Liquidations, …", aliases=("removal-order-type",)),
        Column("service_speed", description="Speed of the service."),
        Column("order_status", description="In Process, Completed, Cancelled, …", required=True),
        Column("last_updated_date", Kind.MOMENT, "Last change that Amazon knows.", day_first=True),
        Column("sku", description="Seller's SKU.", aliases=("merchant-sku", "msku"), required=True),
        Column("fnsku", description="Fulfilment network SKU."),
        Column(
            "disposition",
            description="Condition of the units: Sellable, Unsellable, CUSTOMER_DAMAGED, …",
            required=True,
        ),
        *(
            Column(name, Kind.INTEGER, text, required=name == "requested_quantity", minimum=0)
            for name, text in _QUANTITIES.items()
        ),
        Column("removal_fee", Kind.MONEY, "Fee of the line."),
        Column("currency", description="Its ISO 4217 code.", pattern=r"[A-Z]{3}"),
    ),
)
