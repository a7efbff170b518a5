"""The control panel: what a seller looks at each morning, over the published marts.

Belongs here: pages, words, charts, forms, and the one module that reads (`data.py`). Does not belong: any figure's
formula (those are marts), anything that builds or ingests. It imports none of the other packages: what it needs of them
is the published file, the inbox folder and the configuration file.
"""
