"""One file per feed, each defining `FEED`. Adding a feed is adding a file here and a staging model in dbt.

Belongs here: declarations only. Does not belong: code that reads, checks or moves data.
"""
