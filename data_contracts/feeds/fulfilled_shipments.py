"""Amazon fulfilled shipments: one row per item of a shipment that left a fulfilment centre.

Belongs here: this feed's declaration. Does not belong: units shipped in rates, which count on the purchase day (dbt).
"""

from data_contracts.feed import Column, Feed, Kind, Merge

FEED = Feed(
    name="fulfilled_shipments",
    title="Amazon fulfilled shipments",
    description=(
        "FBA units on the day on which they really left, which the orders report does not know. A row shows one to "
        "three hours after the shipment, now and then a day. It names no ASIN: that comes from the SKU."
    ),
    merge=Merge.KEYED,
    key=("shipment_item_id",),
    fallback_key=("order_id", "shipment_id", "sku", "shipment_date"),
    event="shipment_date",
    report_types=("GET_AMAZON_FULFILLED_SHIPMENTS_DATA_GENERAL",),
    max_days=30,  # one month a request
    restated_days=3,
    fresh_days=7,
    drop=(
        "buyer-email",
        "buyer-name",
        "buyer-phone-number",
        "recipient-name",
        "ship-address-1",
        "ship-address-2",
        "ship-address-3",
        "ship-city",
        "ship-state",
        "ship-postal-code",
        "ship-phone-number",
        "bill-address-1",
        "bill-address-2",
        "bill-address-3",
        "bill-city",
        "bill-state",
        "bill-postal-code",
        "bill-country",
    ),
    unused=("ship-service-level", "tracking-number"),
    columns=(
        Column("order_id", description="Amazon order.", aliases=("amazon-order-id",), required=True, nullable=False),
        Column("merchant_order_id", description="Seller's order number."),
        Column("shipment_id", description="Shipment."),
        Column("shipment_item_id", description="Item of the shipment.", required=True),
        Column("order_item_id", description="Order item.", aliases=("amazon-order-item-id",)),
        Column("merchant_order_item_id", description="Seller's order item."),
        Column("purchase_date", Kind.MOMENT, "When the order was placed.", day_first=True),
        Column("payments_date", Kind.MOMENT, "When it was paid.", day_first=True),
        Column("shipment_date", Kind.MOMENT, "When it left.", required=True, nullable=False, day_first=True),
        Column("reporting_date", Kind.MOMENT, "When Amazon reported it.", day_first=True),
        Column("sku", description="Seller's SKU.", aliases=("merchant-sku",), required=True),
        Column("product_name", description="Title."),
        Column("quantity_shipped", Kind.INTEGER, "Units.", required=True, nullable=False, minimum=0, maximum=1_000_000),
        Column("currency", description="ISO 4217 code of the row's amounts.", pattern=r"[A-Z]{3}"),
        Column("item_price", Kind.MONEY, "Price of the units."),
        Column("item_tax", Kind.MONEY, "Tax on it."),
        Column("shipping_price", Kind.MONEY, "Shipping paid by the buyer."),
        Column("shipping_tax", Kind.MONEY, "Tax on it."),
        Column("gift_wrap_price", Kind.MONEY, "Gift wrap."),
        Column("gift_wrap_tax", Kind.MONEY, "Tax on it."),
        Column("item_promotion_discount", Kind.MONEY, "Promotion on the item."),
        Column("ship_promotion_discount", Kind.MONEY, "Promotion on shipping."),
        Column("ship_country", description="Country of the buyer."),
        Column("carrier", description="Carrier."),
        Column("estimated_arrival_date", Kind.MOMENT, "When it should arrive.", day_first=True),
        Column("fulfillment_center_id", description="Centre that shipped it."),
        Column("fulfillment_channel", description="AFN."),
        Column("sales_channel", description="Amazon.com, Amazon.de, … or Non-Amazon.", required=True),
    ),
)
