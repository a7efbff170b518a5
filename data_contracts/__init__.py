"""What is true of data: feeds, contracts, marketplaces, reasons, settings. Imports nothing of the other packages.

Belongs here: declarations and what derives from them. Does not belong: reading, moving or showing data.
"""
