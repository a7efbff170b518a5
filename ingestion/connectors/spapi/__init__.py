"""Amazon's Selling Partner API as a source of pulls.

Belongs here: everything that knows how SP-API is spoken to: credentials, budget, HTTP, report life cycle, JSON
resources. Does not belong: which windows are due (`ingestion.connectors`), what happens to a document once it is here
(`ingestion.intake`).
"""
