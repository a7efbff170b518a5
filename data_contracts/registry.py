"""The feed registry: every module of `data_contracts/feeds/` that defines `FEED` is a feed.

Belongs here: finding and looking up declarations. Does not belong: any fact about a single feed.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from data_contracts import feeds as feeds_package
from data_contracts.feed import Feed


@cache
def all_feeds() -> dict[str, Feed]:
    """Feeds by name, alphabetical. A module whose `FEED.name` is not its file name is an error."""
    found: dict[str, Feed] = {}
    for module in sorted(pkgutil.iter_modules(feeds_package.__path__), key=lambda m: m.name):
        feed = importlib.import_module(f"{feeds_package.__name__}.{module.name}").FEED
        if feed.name != module.name:
            raise ValueError(f"feeds/{module.name}.py declares a feed named {feed.name}: give both one name")
        found[feed.name] = feed
    return found


def get_feed(name: str) -> Feed:
    """The feed of that name; KeyError naming the known ones."""
    feeds = all_feeds()
    if name not in feeds:
        raise KeyError(f"no feed {name!r}; known feeds: {', '.join(feeds)}")
    return feeds[name]
