"""Mapping files that ship with the product: other people's exports of our feeds, one TOML file each.

Belongs here: such files; each is recognised by its header. Does not belong: reading them (`ingestion/mapping.py`), the
mappings of one seller (those are named in `returnscope.toml`).
"""
