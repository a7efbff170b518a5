"""FBA inventory snapshot (Manage FBA Inventory): one row per SKU.

Belongs here: this feed's declaration. Does not belong: movements (the ledger reports).
"""

from data_contracts.feed import Column, Feed, Kind, Merge

_QUANTITIES = {
    "mfn_fulfillable_quantity": "Units the seller can ship.",
    "afn_warehouse_quantity": "Units in Amazon's warehouses.",
    "afn_fulfillable_quantity": "Units Amazon can ship.",
    "afn_unsellable_quantity": "Units that cannot be sold.",
    "afn_reserved_quantity": "Units reserved.",
    "afn_total_quantity": "All units, inbound included.",
    "afn_inbound_working_quantity": "Inbound, being prepared.",
    "afn_inbound_shipped_quantity": "Inbound, on the way.",
    "afn_inbound_receiving_quantity": "Inbound, being received.",
    "afn_researching_quantity": "Units Amazon is looking for.",
    "afn_reserved_future_supply": "Future supply already reserved.",
    "afn_future_supply_buyable": "Future supply on sale.",
}

FEED = Feed(
    name="inventory",
    title="FBA inventory",
    description="Stock by SKU. The report carries no date, so a snapshot is of the day it was delivered.",
    merge=Merge.SNAPSHOT,
    unused=("afn-fulfillable-quantity-local", "afn-fulfillable-quantity-remote", "store"),
    report_types=("GET_FBA_MYI_UNSUPPRESSED_INVENTORY_DATA",),
    columns=(
        Column(
            "sku", description="Seller's SKU.", aliases=("seller-sku", "merchant-sku"), required=True, nullable=False
        ),
        Column("fnsku", description="Fulfilment network SKU.", aliases=("fulfillment-channel-sku",)),
        Column("asin", description="Amazon's item number.", required=True, nullable=False, pattern=r"[A-Z0-9]{10}"),
        Column("product_name", description="Title."),
        Column("condition", description="New or a used grade.", aliases=("condition-type",)),
        Column("your_price", Kind.MONEY, "Price in the store's currency."),
        Column("mfn_listing_exists", Kind.FLAG, "Seller-fulfilled offer exists."),
        Column("afn_listing_exists", Kind.FLAG, "FBA offer exists."),
        Column("per_unit_volume", Kind.NUMBER, "Volume of a unit."),
        *(
            Column(name, Kind.INTEGER, text, required=name == "afn_fulfillable_quantity", minimum=0)
            for name, text in _QUANTITIES.items()
        ),
    ),
)
