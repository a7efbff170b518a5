"""Customer Feedback API (2024-06-01): one row per topic, or per topic and month.

Belongs here: this feed's declaration. Does not belong: how an answer becomes rows (`ingestion/decode/answers.py`), our
own reasons for returns.
"""

from data_contracts.feed import Column, Feed, Kind, Merge

FEED = Feed(
    name="customer_feedback",
    title="Customer feedback topics",
    description=(
        "What buyers praise and blame in reviews of an item and of its browse node, and why items of the browse node "
        "come back; Amazon tells no reasons for returns of a single item. Shares are percents, 0 to 100. An answer is "
        "the whole of what Amazon says of a subject and period, so its newest delivery wins."
    ),
    merge=Merge.KEYED,
    key=("resource", "marketplace_id", "asin", "browse_node_id", "range_start", "range_end"),
    event="asked_at",
    operation="customerFeedback",
    fresh_days=None,
    drop=("reviewSnippets",),
    columns=(
        Column("asked_at", Kind.MOMENT, "When it was asked.", required=True, nullable=False),
        Column(
            "resource",
            description="What was asked.",
            required=True,
            nullable=False,
            allowed=(
                "items/reviews/topics",
                "items/reviews/trends",
                "browseNodes/reviews/topics",
                "browseNodes/reviews/trends",
                "browseNodes/returns/topics",
                "browseNodes/returns/trends",
            ),
        ),
        Column("marketplace_id", description="Marketplace that was asked about.", required=True, nullable=False),
        Column("asin", description="Item that was asked about; blank for a browse node."),
        Column("answered_asin", description="Item that the answer names; not always the same."),
        Column("browse_node_id", description="Browse node that was asked about; blank for an item."),
        Column("browse_node_name", description="Its name."),
        Column("range_start", Kind.MOMENT, "First day of the period."),
        Column("range_end", description="Last day of the period as written: Amazon knows a 30th of February."),
        Column("topic", description="Topic, trimmed.", required=True, nullable=False),
        Column("subtopic", description="Subtopic; blank for the topic itself."),
        Column("sentiment", description="positive or negative; blank for returns.", allowed=("positive", "negative")),
        Column("mentions", Kind.INTEGER, "Reviews of the item that mention it.", minimum=0),
        Column("share", Kind.NUMBER, "Percent of the item's reviews that mention it.", minimum=0, maximum=100),
        Column("star_rating_impact", Kind.NUMBER, "Change of the item's stars by it."),
        Column("parent_share", Kind.NUMBER, "The same share among the parent's reviews.", minimum=0, maximum=100),
        Column(
            "node_share",
            Kind.NUMBER,
            "Percent over all products of the browse node: of reviews, for returns of returns.",
            minimum=0,
            maximum=100,
        ),
        Column(
            "node_top_share", Kind.NUMBER, "The same over the best quarter of its products.", minimum=0, maximum=100
        ),
    ),
)
