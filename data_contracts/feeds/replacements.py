"""FBA replacements: one row per unit that Amazon sent in place of another.

Belongs here: this feed's declaration. Does not belong: returns of what was replaced (`fba_returns.py`).
"""

from data_contracts.feed import Column, Feed, Kind, Merge

FEED = Feed(
    name="replacements",
    title="FBA replacements",
    description=(
        "Free replacements that a fulfilment centre shipped, with the code of their reason: 0 other, 1 lost, "
        "2 defective, 3 damaged in shipping, 4 wrong item shipped, 5 item missing, 6 lost by the shipper, 7 catalogue "
        "error or wrong item ordered, 8 shipped to a wrong address, 9 delivery problem though the address is right, "
        "10 damaged by the centre, 11 shipment in clean-up, item not received, 12 policy exception or buyer's error."
    ),
    merge=Merge.KEYED,
    key=("replacement_order_id", "sku"),
    fallback_key=("original_order_id", "sku", "shipment_date"),
    event="shipment_date",
    report_types=("GET_FBA_FULFILLMENT_CUSTOMER_SHIPMENT_REPLACEMENT_DATA",),
    max_days=60,  # nothing is published
    restated_days=7,
    fresh_days=None,
    columns=(
        Column(
            "shipment_date",
            Kind.MOMENT,
            "When the replacement was shipped.",
            required=True,
            nullable=False,
            day_first=True,
        ),
        Column("sku", description="Seller's SKU.", aliases=("merchant-sku", "msku"), required=True),
        Column("asin", description="Amazon's item number.", required=True, nullable=False, pattern=r"[A-Z0-9]{10}"),
        Column("fulfillment_center_id", description="Where the replacement was shipped from."),
        Column("original_fulfillment_center_id", description="Where the original was shipped from."),
        Column("quantity", Kind.INTEGER, "Units replaced.", required=True, nullable=False, minimum=1, maximum=100_000),
        Column("replacement_reason_code", description="Code of the reason, 0 to 12.", required=True),
        Column(
            "replacement_order_id",
            description="Amazon order of the replacement.",
            aliases=("replacement-amazon-order-id", "replacement-customer-order-id"),
            required=True,
        ),
        Column(
            "original_order_id",
            description="Amazon order that is replaced.",
            aliases=("original-amazon-order-id", "original-customer-order-id"),
        ),
    ),
)
