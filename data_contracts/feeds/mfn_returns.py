"""Seller-fulfilled (MFN) returns: one row per return request and item.

Belongs here: this feed's declaration. Does not belong: what the seller must do about a request (the desk marts).
"""

from data_contracts.feed import Column, Feed, Kind, Merge

FEED = Feed(
    name="mfn_returns",
    title="Seller-fulfilled returns",
    description=(
        "Return requests on orders that the seller ships, dated on the day of the request. The status of an old row "
        "changes later, so rows merge on the RMA and the newest delivery wins. Two RMAs for one order and ASIN on one "
        "day are two returns."
    ),
    merge=Merge.KEYED,
    key=("amazon_rma_id", "order_id", "asin", "merchant_sku"),
    fallback_key=("order_id", "asin", "merchant_sku", "return_request_date"),
    event="return_request_date",
    unused=("VAT",),
    report_types=("GET_FLAT_FILE_RETURNS_DATA_BY_RETURN_DATE",),
    max_days=60,
    restated_days=60,
    fresh_days=30,
    columns=(
        Column("order_id", description="Amazon order.", required=True, nullable=False),
        Column("order_date", Kind.MOMENT, "When the order was placed.", day_first=True),
        Column(
            "return_request_date",
            Kind.MOMENT,
            "When the buyer asked.",
            ("return-date",),
            required=True,
            nullable=False,
            day_first=True,
        ),
        Column("return_request_status", description="Approved, Completed, Rejected, …", required=True),
        Column("amazon_rma_id", description="Amazon's RMA number.", aliases=("rma id",), required=True),
        Column("merchant_rma_id", description="Seller's RMA number.", aliases=("seller-rma-id",)),
        Column("label_type", description="AmazonPrePaidLabel, AmazonUnPaidLabel, …"),
        Column("label_cost", Kind.MONEY, "Price of the return label."),
        Column(
            "currency_code",
            description="ISO 4217 code of every amount in the row.",
            aliases=("currency",),
            pattern=r"[A-Z]{3}",
        ),
        Column("return_carrier", description="Carrier of the return."),
        Column("tracking_id", description="Tracking number of the return."),
        Column("label_to_be_paid_by", description="Seller or Customer."),
        Column("a_to_z_claim", Kind.FLAG, "Whether an A-to-z claim exists.", ("a-to-z-claim",)),
        Column("is_prime", Kind.FLAG, "Prime order."),
        Column("asin", description="Amazon's item number.", required=True, nullable=False, pattern=r"[A-Z0-9]{10}"),
        Column("merchant_sku", description="Seller's SKU.", aliases=("sku",), required=True),
        Column("item_name", description="Title.", aliases=("product-name",)),
        Column(
            "return_quantity",
            Kind.INTEGER,
            "Units asked to return.",
            ("quantity",),
            required=True,
            nullable=False,
            minimum=1,
            maximum=100_000,
        ),
        Column(
            "return_reason", description="Reason code of the buyer.", aliases=("return-reason-code",), required=True
        ),
        Column("in_policy", Kind.FLAG, "Within the return policy."),
        Column("return_type", description="C-Returns, …"),
        Column("resolution", description="StandardRefund, RefundAtFirstScan, ReturnlessRefund, Replacement, …"),
        Column("invoice_number", description="Invoice."),
        Column("return_delivery_date", Kind.MOMENT, "When the parcel reached the seller.", day_first=True),
        Column("order_amount", Kind.MONEY, "Amount of the order line."),
        Column("order_quantity", Kind.INTEGER, "Units of the order line.", minimum=0),
        Column("safet_action_reason", description="SAFE-T action."),
        Column("safet_claim_id", description="SAFE-T claim."),
        Column("safet_claim_state", description="SAFE-T state."),
        Column("safet_claim_creation_time", Kind.MOMENT, "When the SAFE-T claim was opened.", day_first=True),
        Column("safet_claim_reimbursement_amount", Kind.MONEY, "What SAFE-T paid."),
        Column("refunded_amount", Kind.MONEY, "What the buyer got back; blank on many rows.", ("refund-amount",)),
        Column("category", description="Product category, in some marketplaces."),
        Column("order_item_id", description="Order item, in newer reports."),
        Column(
            "customer_comments",
            description="Buyer's words where a report carries them, masked.",
            aliases=("customer-comment", "buyer-comment"),
            masked=True,
        ),
    ),
)
