"""Merchant listings: the product catalogue of a store, one row per SKU.

Belongs here: this feed's declaration. Does not belong: sales or stock.
"""

from data_contracts.feed import Column, Feed, Kind, Merge

FEED = Feed(
    name="listings",
    title="Product catalogue",
    description=(
        "Listings with SKU, ASIN and title; headers follow the account's language. A category comes from the user's "
        "mapping, since the report has none. Merges by SKU, the newest delivery wins."
    ),
    merge=Merge.KEYED,
    key=("sku",),
    unused=(
        "item-description",
        "image-url",
        "item-is-marketplace",
        "zshop-shipping-fee",
        "item-note",
        "zshop-category1",
        "zshop-browse-path",
        "zshop-storefront-feature",
        "asin2",
        "asin3",
        "will-ship-internationally",
        "expedited-shipping",
        "zshop-boldface",
        "bid-for-featured-placement",
        "add-delete",
        "pending-quantity",
        "merchant-shipping-group",
        "Business Price",
        "Quantity Price Type",
        "maximum-retail-price",
        "minimum-seller-allowed-price",
        "maximum-seller-allowed-price",
        "商品描述",
        "不适用项目",
        "待处理数量",
        "ASIN 2",
        "ASIN 3",
        "商品の説明",
        "商品ID2",
        "商品ID3",
    ),
    report_types=("GET_MERCHANT_LISTINGS_ALL_DATA",),
    columns=(
        Column(
            "item_name",
            description="Title.",
            aliases=("product-name", "商品名称", "商品名", "Artikelbezeichnung", "nom-produit", "título-del-producto"),
            required=True,
        ),
        Column("listing_id", description="Listing.", aliases=("商品编码", "出品ID")),
        Column(
            "sku",
            description="Seller's SKU.",
            aliases=("seller-sku", "merchant-sku", "卖家 SKU", "出品者SKU", "Händler-SKU", "sku-vendeur"),
            required=True,
            nullable=False,
        ),
        Column("price", Kind.MONEY, "Price.", aliases=("价格", "価格", "Preis", "prix", "precio")),
        Column(
            "quantity",
            Kind.INTEGER,
            "Stock; blank for FBA.",
            aliases=("数量", "Anzahl", "quantité", "cantidad"),
            minimum=0,
        ),
        Column(
            "open_date", Kind.MOMENT, "When the listing was opened.", aliases=("开售日期", "出品日", "Einstelldatum")
        ),
        Column("product_id_type", description="1 = ASIN, 3 = UPC, 4 = EAN.", aliases=("商品编码类型", "商品IDタイプ")),
        Column("item_condition", description="11 = New, 1–4 = used grades.", aliases=("状况", "コンディション")),
        Column(
            "asin", description="Amazon's item number.", aliases=("asin1", "ASIN 1", "商品ID1"), pattern=r"[A-Z0-9]{10}"
        ),
        Column("product_id", description="ASIN, UPC or EAN, see product_id_type.", aliases=("商品ID",)),
        Column(
            "fulfillment_channel",
            description="DEFAULT or AMAZON_….",
            aliases=("配送渠道", "フルフィルメント・チャンネル", "Versender"),
        ),
        Column("status", description="Active, Inactive, Incomplete.", aliases=("状态", "ステータス")),
        Column("category", description="Category, by the user's mapping.", aliases=("product-type", "product-group")),
    ),
)
