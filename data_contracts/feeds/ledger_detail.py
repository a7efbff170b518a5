"""FBA inventory ledger, detailed view: one row per movement of stock.

Belongs here: this feed's declaration. Does not belong: the state of stock (`inventory.py`).
"""

from data_contracts.feed import Column, Feed, Kind, Merge

FEED = Feed(
    name="ledger_detail",
    title="Inventory ledger",
    description=(
        "Every movement of FBA stock: receipts, shipments, customer returns by disposition, adjustments, transfers. A "
        "movement has no number of its own; rows that agree in everything but quantities are one key, whose newest "
        "delivery wins with all its rows. Amazon keeps 18 months."
    ),
    merge=Merge.KEYED,
    key=("event_date", "fnsku", "event_type", "reference_id", "fulfillment_center", "disposition", "reason"),
    event="event_date",
    report_types=("GET_LEDGER_DETAIL_VIEW_DATA",),
    max_days=31,  # nothing is published
    restated_days=7,
    fresh_days=None,
    unused=("date-and-time",),
    columns=(
        Column("event_date", Kind.MOMENT, "When it happened.", ("date",), required=True, nullable=False),
        Column("fnsku", description="Fulfilment network SKU.", required=True, nullable=False),
        Column("asin", description="Amazon's item number.", required=True, nullable=False, pattern=r"[A-Z0-9]{10}"),
        Column("sku", description="Seller's SKU.", aliases=("msku", "merchant-sku"), required=True),
        Column("title", description="Title.", aliases=("product-name",)),
        Column(
            "event_type",
            description="Receipts, Shipments, CustomerReturns, Adjustments, WhseTransfers, VendorReturns.",
            required=True,
            nullable=False,
        ),
        Column("reference_id", description="Shipment, return or adjustment that caused it.", required=True),
        Column("quantity", Kind.INTEGER, "Units, negative where they left.", required=True, nullable=False),
        Column("fulfillment_center", description="Where.", aliases=("fulfillment-center-id",)),
        Column("disposition", description="SELLABLE, CUSTOMER_DAMAGED, DEFECTIVE, …", required=True),
        Column("reason", description="Code of an adjustment: M, 5 lost; F, N found; E, 6 damaged; D disposed; …"),
        Column("country", description="Country of the centre."),
        Column("reconciled_quantity", Kind.INTEGER, "Units that Amazon has made good or explained."),
        Column("unreconciled_quantity", Kind.INTEGER, "Units that are still open."),
    ),
)
