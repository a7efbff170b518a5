"""All orders, by order date or by last update: one row per order line of every channel.

Belongs here: this feed's declaration. Does not belong: what counts as shipped (dbt).
"""

from data_contracts.feed import Column, Feed, Kind, Merge

FEED = Feed(
    name="orders",
    title="All orders",
    description=(
        "Order lines of every channel. No order item id, so the same order and SKU may repeat inside a delivery and "
        "both lines count; a newer delivery replaces all lines of an order and SKU. No ship date: units count on the "
        "purchase day."
    ),
    merge=Merge.KEYED,
    key=("order_id", "sku"),
    event="purchase_date",
    report_types=(
        "GET_FLAT_FILE_ALL_ORDERS_DATA_BY_ORDER_DATE_GENERAL",
        "GET_FLAT_FILE_ALL_ORDERS_DATA_BY_LAST_UPDATE_GENERAL",
    ),
    max_days=30,
    restated_days=35,
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
        "address-type",
        "buyer-company-name",
        "cpf",
        "customized-url",
        "customized-page",
        "purchase-order-number",
    ),
    columns=(
        Column("order_id", description="Amazon order.", aliases=("amazon-order-id",), required=True, nullable=False),
        Column("merchant_order_id", description="Seller's order number."),
        Column("purchase_date", Kind.MOMENT, "When the order was placed.", required=True, nullable=False),
        Column("last_updated_date", Kind.MOMENT, "Last change Amazon knows.", ("last-update-date",)),
        Column(
            "order_status",
            description="Pending, Unshipped, Shipped, Cancelled, 'Shipped - …'.",
            required=True,
            nullable=False,
        ),
        Column("fulfillment_channel", description="Amazon or Merchant.", required=True),
        Column("sales_channel", description="Amazon.com, Amazon.de, … or Non-Amazon.", required=True),
        Column("order_channel", description="Where the order was entered."),
        Column("ship_service_level", description="Shipping service."),
        Column("product_name", description="Title."),
        Column("sku", description="Seller's SKU; `amzn.gr.…` is a used unit of Grade and Resell.", required=True),
        Column("asin", description="Amazon's item number.", required=True, nullable=False, pattern=r"[A-Z0-9]{10}"),
        Column("item_status", description="Status of the line."),
        Column(
            "quantity",
            Kind.INTEGER,
            "Units of the line; may be blank on cancelled lines.",
            required=True,
            minimum=0,
            maximum=1_000_000,
        ),
        Column("currency", description="ISO 4217 code of the line's amounts.", pattern=r"[A-Z]{3}"),
        Column("item_price", Kind.MONEY, "Price of the whole line, without tax where tax is apart."),
        Column("item_tax", Kind.MONEY, "Tax of the line."),
        Column("shipping_price", Kind.MONEY, "Shipping paid by the buyer."),
        Column("shipping_tax", Kind.MONEY, "Tax on it."),
        Column("gift_wrap_price", Kind.MONEY, "Gift wrap."),
        Column("gift_wrap_tax", Kind.MONEY, "Tax on it."),
        Column("item_promotion_discount", Kind.MONEY, "Promotion on the item."),
        Column("ship_promotion_discount", Kind.MONEY, "Promotion on shipping."),
        Column("ship_country", description="Country of the buyer."),
        Column("is_business_order", Kind.FLAG, "Business order."),
        Column("price_designation", description="Business price kind."),
        Column("is_replacement_order", Kind.FLAG, "A free replacement of another order."),
        Column("original_order_id", description="The order that is replaced."),
        Column("category", description="Product category, in sellers' own exports."),
    ),
)
