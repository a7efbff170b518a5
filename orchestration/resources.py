"""The installation as a Dagster resource: settings, lake, home, and the lock that a run holds from build to publish.

Belongs here: what assets and sensors share. Does not belong: work.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property

import dagster as dg
from pydantic import PrivateAttr

from data_contracts.settings import Settings, load_settings
from ingestion.lake import Lake, open_lake
from orchestration.home import Home


class Installation(dg.ConfigurableResource):
    """The installation that the environment names (RETURNSCOPE_HOME, _LAKE, _CONFIG)."""

    _stack: ExitStack | None = PrivateAttr(default=None)
    _is_held: bool = PrivateAttr(default=False)

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[Installation]:  # noqa: ARG002
        """For one run: what `hold` takes is let go at its end, however it ends."""
        with ExitStack() as stack:
            self._stack = stack
            try:
                yield self
            finally:
                self._stack, self._is_held = None, False

    @cached_property
    def settings(self) -> Settings:
        """Settings as they are now."""
        return load_settings()

    @cached_property
    def home(self) -> Home:
        """Places of the installation."""
        return Home(self.settings.home)

    @cached_property
    def lake(self) -> Lake:
        """The lake."""
        return open_lake(self.settings.lake)

    def hold(self, context: dg.AssetExecutionContext) -> None:
        """Take the lock of building and publishing, once, for the rest of the run."""
        if self._is_held:
            return
        lock = self.home.locked(
            f"Dagster run {context.run_id[:8]}", on_wait=lambda holder: context.log.info("Waiting for %s", holder)
        )
        if self._stack is None:
            raise RuntimeError("the resource is used outside of a run")
        self._stack.enter_context(lock)
        self._is_held = True
        self.home.heal()
