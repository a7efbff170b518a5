"""Product reviews from any export: one row per review.

Belongs here: this feed's declaration. Does not belong: seller feedback, which is about the seller, not the item.
"""

from data_contracts.feed import Column, Feed, Kind, Merge

FEED = Feed(
    name="reviews",
    title="Product reviews",
    description=(
        "Reviews with stars and, mostly, words. Amazon has no report of them, so they come as JSONL in the public "
        "review schemas or as CSV of a tool, mapped by alias. Exact copies of one review are one review."
    ),
    merge=Merge.KEYED,
    key=("review_id", "asin"),
    fallback_key=("asin", "reviewer_id", "review_date", "rating", "title", "body"),
    event="review_date",
    fresh_days=None,
    drop=("reviewer-name", "user-name", "profile-name", "author", "author-name"),
    unused=(
        "image",
        "images",
        "style",
        "vine",
        "helpfulness-denominator",
        "total-votes",
        "id",
    ),
    columns=(
        Column(
            "asin",
            description="Item; the product id of the export where it has none.",
            aliases=("product-id", "product-asin", "item-id"),
            required=True,
            nullable=False,
        ),
        Column(
            "rating",
            Kind.NUMBER,
            "Stars, 1 to 5.",
            ("overall", "stars", "score", "star-rating", "review-rating"),
            required=True,
            nullable=False,
            minimum=1,
            maximum=5,
        ),
        Column(
            "review_date",
            Kind.MOMENT,
            "When it was written; unix seconds or milliseconds are understood.",
            ("unix-review-time", "unix-time", "timestamp", "time", "date", "review-time", "reviewed-at"),
        ),
        Column("parent_asin", description="Parent item that pools the reviews."),
        Column("reviewer_id", description="Pseudonym of the writer.", aliases=("user-id", "customer-id")),
        Column("review_id", description="Number of the review."),
        Column("title", description="Headline, masked.", aliases=("summary", "review-title", "headline"), masked=True),
        Column(
            "body",
            description="Text, masked.",
            aliases=("review-text", "text", "review-body", "review", "content", "comment"),
            masked=True,
        ),
        Column("verified_purchase", Kind.FLAG, "Bought on Amazon.", ("verified",)),
        Column(
            "helpful_votes",
            Kind.INTEGER,
            "Votes, thousands separators allowed.",
            ("vote", "helpful-vote", "positive-feedback-count", "helpfulness-numerator"),
            minimum=0,
        ),
        Column("marketplace", description="Marketplace where the export says it.", aliases=("country", "country-code")),
        Column("language", description="Language of the text."),
        Column(
            "category", description="Category where the export says it.", aliases=("main-category", "product-category")
        ),
        Column("product_name", description="Title of the item.", aliases=("product-title",)),
    ),
)
