"""What the first visitor after a start would otherwise wait for, done ahead of them.

Belongs here: loading libraries, and making one page for nobody. Does not belong: anything that a page needs to be
right; what is not warmed is made at the first visit.

Measured on two cores with 10 M order lines: of 1.2 s of CPU time that the first visit took, 0.4 s are left, little more
than any other takes. pandas alone is half of it: DuckDB loads it for the first statement with parameters.
"""

from __future__ import annotations

import logging
import threading
import time
from importlib import import_module
from pkgutil import iter_modules

from streamlit import runtime

from panel import data, views
from panel.access import Visitor
from panel.data import Filter
from panel.page import Page
from panel.text import Words

#: what Streamlit loads for the page's icon
_ICON = ("streamlit.elements.lib.image_utils", "PIL.Image")
#: where Streamlit wonders aloud about a page that is made for nobody
_WONDERS = logging.getLogger("streamlit.runtime.scriptrunner_utils.script_run_context")
log = logging.getLogger(__name__)


def libraries() -> None:
    """Load every page and what only a first visit would load."""
    for name in _ICON:
        import_module(name)
    for module in iter_modules(views.__path__, f"{views.__name__}."):
        import_module(module.name)


def first_page() -> None:
    """Open the release that is published and make Today of it: its questions are kept for the first visitor."""
    try:
        release = data.current()
    except data.NoRelease:
        return  # the first page says so
    level = _WONDERS.level
    _WONDERS.setLevel(logging.ERROR)
    try:
        data.scopes(release)
        import_module("panel.views.today").show(Page(release, Words("en"), Filter(), Visitor(None, None), ""))
    except Exception as error:  # noqa: BLE001  whatever is wrong with it is told to who visits it
        log.warning("the page Today could not be made ahead: %s", error)
    finally:
        _WONDERS.setLevel(level)


def once_serving() -> None:
    """Make the first page as soon as the server is there (its configuration is read then), beside it."""

    def wait() -> None:
        while not runtime.exists():
            time.sleep(0.05)
        first_page()

    threading.Thread(target=wait, name="warm", daemon=True).start()
