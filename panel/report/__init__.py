"""One page for a manager about one month: figures of a published release, as HTML and as PDF.

Belongs here: which figures the page shows (`figures.py`), how it says them (`page.py`), and its two forms. Does not
belong: SQL (`panel/data.py`), words (`panel/i18n`), formulas.
"""
