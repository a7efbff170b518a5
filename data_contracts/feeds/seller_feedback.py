"""Seller feedback: one row per order that a buyer rated with one to three stars.

Belongs here: this feed's declaration. Does not belong: product reviews, which are about the item, not the seller.
"""

from data_contracts.feed import Column, Feed, Kind, Merge

FEED = Feed(
    name="seller_feedback",
    title="Seller feedback",
    description=(
        "What buyers said about the seller, neutral and negative ratings only, so it has no denominator and gives no "
        "rate by itself. A buyer leaves one per order. Rows merge by order: the report has local days and is asked for "
        "in UTC, so a window cannot own its days; the fact says which feedback a newer report no longer lists."
    ),
    merge=Merge.KEYED,
    key=("order_id",),
    fallback_key=("feedback_date", "rating", "comments"),
    event="feedback_date",
    report_types=("GET_SELLER_FEEDBACK_DATA",),
    max_days=60,  # nothing is published; other connectors ask for more at once
    restated_days=60,  # answered, removed by the buyer or struck out by Amazon after it was left
    fresh_days=None,
    drop=("Rater Email",),
    columns=(
        Column(
            "feedback_date",
            Kind.MOMENT,
            "Day on which it was left, in the short form of the marketplace (10/20/23, 20.10.23, 23/10/20).",
            ("date",),
            required=True,
            nullable=False,
            short_date=True,
        ),
        Column("rating", Kind.INTEGER, "Stars, 1 to 5.", required=True, nullable=False, minimum=1, maximum=5),
        Column("comments", description="Buyer's words, masked.", aliases=("comment",), required=True, masked=True),
        Column("response", description="Seller's answer, masked.", aliases=("your-response",), masked=True),
        Column(
            "order_id",
            description="Amazon order that was rated.",
            aliases=("amazon-order-id",),
            required=True,
        ),
    ),
)
