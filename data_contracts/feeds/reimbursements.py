"""FBA reimbursements: one row per item that Amazon paid for, gave back or took back.

Belongs here: this feed's declaration. Does not belong: which case a reimbursement settles (dbt).
"""

from data_contracts.feed import Column, Feed, Kind, Merge

FEED = Feed(
    name="reimbursements",
    title="FBA reimbursements",
    description=(
        "What Amazon reimbursed for lost, damaged and refunded units, in cash or as inventory, and what it took back "
        "again. A case may be paid in instalments (several reimbursements) and a reimbursement may have several rows, "
        "so rows merge by reimbursement: its newest delivery wins with all its rows. The report is the same for every "
        "marketplace of a region and shows an approval up to five days late."
    ),
    merge=Merge.KEYED,
    key=("reimbursement_id",),
    fallback_key=("approval_date", "order_id", "sku", "fnsku", "reason"),
    event="approval_date",
    report_types=("GET_FBA_REIMBURSEMENTS_DATA",),
    max_days=60,  # nothing is published
    restated_days=7,  # shown up to five days after the approval
    fresh_days=None,
    columns=(
        Column("approval_date", Kind.MOMENT, "When Amazon approved it.", required=True, nullable=False, day_first=True),
        Column("reimbursement_id", description="Reimbursement; may have several rows.", required=True),
        Column("case_id", description="Case of the seller that led to it; blank where Amazon acted by itself."),
        Column("order_id", description="Amazon order; blank for stock.", aliases=("amazon-order-id",)),
        Column("reason", description="CustomerReturn, Lost_Warehouse, Damaged_Warehouse, …", required=True),
        Column("sku", description="Seller's SKU.", aliases=("merchant-sku", "msku"), required=True),
        Column("fnsku", description="Fulfilment network SKU."),
        Column("asin", description="Amazon's item number.", pattern=r"[A-Z0-9]{10}"),
        Column("product_name", description="Title."),
        Column("condition", description="Condition of the item, such as NewItem."),
        Column("currency", description="ISO 4217 code.", aliases=("currency-unit",), pattern=r"[A-Z]{3}"),
        Column("amount_per_unit", Kind.MONEY, "Amount for one unit."),
        Column("amount_total", Kind.MONEY, "Amount of the row; negative where Amazon took it back.", required=True),
        Column("quantity_reimbursed_cash", Kind.INTEGER, "Units paid for."),
        Column("quantity_reimbursed_inventory", Kind.INTEGER, "Units given back as stock."),
        Column("quantity_reimbursed_total", Kind.INTEGER, "Both."),
        Column("original_reimbursement_id", description="Reimbursement that this row takes back or corrects."),
        Column("original_reimbursement_type", description="How that one was made."),
    ),
)
