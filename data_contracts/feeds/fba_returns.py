"""FBA customer returns: one row per unit that Amazon's fulfilment centre has processed.

Belongs here: this feed's declaration. Does not belong: how its rows merge with seller-fulfilled returns (dbt).
"""

from data_contracts.feed import Column, Feed, Kind, Merge

FEED = Feed(
    name="fba_returns",
    title="FBA customer returns",
    description=(
        "Units that came back to a fulfilment centre, dated on the day the unit was processed there (not requested). "
        "Returnless refunds never appear. The report has no natural key and is restated: rows are posted back into "
        "earlier days and may move to another day, so a complete pull owns its whole window."
    ),
    merge=Merge.WINDOW,
    identity=(
        "return_date",
        "order_id",
        "sku",
        "asin",
        "fnsku",
        "fulfillment_center_id",
        "reason",
        "license_plate_number",
    ),
    event="return_date",
    report_types=("GET_FBA_FULFILLMENT_CUSTOMER_RETURNS_DATA",),
    max_days=60,
    restated_days=35,
    columns=(
        Column(
            "return_date",
            Kind.MOMENT,
            "When the unit was processed.",
            ("returned-date",),
            required=True,
            nullable=False,
            day_first=True,
        ),
        Column(
            "order_id",
            description="Amazon order, or a fulfilment id of a multi-channel order; may be blank.",
            aliases=("amazon-order-id",),
            required=True,
        ),
        Column("sku", description="Seller's SKU.", aliases=("merchant-sku", "msku"), required=True),
        Column("asin", description="Amazon's item number.", required=True, nullable=False, pattern=r"[A-Z0-9]{10}"),
        Column("fnsku", description="Fulfilment network SKU."),
        Column("product_name", description="Title at the time of the report.", aliases=("title",)),
        Column(
            "quantity",
            Kind.INTEGER,
            "Units in the row, nearly always 1.",
            required=True,
            nullable=False,
            minimum=1,
            maximum=100_000,
        ),
        Column("fulfillment_center_id", description="Where the unit was processed.", aliases=("fc",)),
        Column(
            "detailed_disposition",
            description="Condition Amazon found: SELLABLE, CUSTOMER_DAMAGED, …",
            aliases=("disposition",),
            required=True,
        ),
        Column("reason", description="Reason code of the buyer.", required=True),
        Column("status", description="What happened to the unit; absent in some marketplaces."),
        Column("license_plate_number", description="LPN, the plate of the single unit.", aliases=("lpn",)),
        Column("customer_comments", description="Buyer's words, masked.", aliases=("customer-comment",), masked=True),
    ),
)
