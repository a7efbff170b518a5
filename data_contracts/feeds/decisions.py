"""Decisions made at the panel's desk: one row per decision.

Belongs here: this feed's declaration. Does not belong: the cases they are about (a mart), the panel that writes them.
"""

from data_contracts.feed import Column, Feed, Kind, Merge

FEED = Feed(
    name="decisions",
    title="Decisions at the desk",
    description=(
        "What people decided about cases of the dispute desk. The panel writes one JSONL file per decision into the "
        "inbox; a decision is never changed, a later one about the same case counts instead."
    ),
    merge=Merge.KEYED,
    key=("decision_id",),
    event="decided_at",
    fresh_days=None,
    unused=("store",),
    columns=(
        Column("decision_id", description="Number of the decision.", required=True, nullable=False),
        Column("case_id", description="Case of mart_dispute_desk.", required=True, nullable=False),
        Column("kind", description="Kind of the case."),
        Column("order_id", description="Order that the case is about."),
        Column("asin", description="Item that the case is about."),
        Column(
            "decision",
            description="What was decided.",
            required=True,
            nullable=False,
            allowed=("approve", "decline", "refund_full", "refund_partial", "claim_filed", "done"),
        ),
        Column("amount", Kind.MONEY, "Amount of a refund.", minimum=0),
        Column("currency", description="Its currency.", pattern=r"[A-Z]{3}"),
        Column("note", description="Note of who decided, masked.", masked=True),
        Column("decided_by", description="Sign-in name of who decided; blank where the panel runs without a login."),
        Column("decided_at", Kind.MOMENT, "When it was decided.", required=True, nullable=False),
    ),
)
