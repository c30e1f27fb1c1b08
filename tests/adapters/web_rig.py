"""A web adapter that serves on a free port of 127.0.0.1, for tests."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from bot.adapters.web import Timings, WebAdapter
from bot.core import Checker
from bot.inbox import Inbox
from bot.metrics import Metrics
from bot.secret import Secret
from bot.settings import ChecksSettings, Settings, default_settings
from bot.store import Store


def web_settings(checks: ChecksSettings | None = None, token: str = "", **web: Any) -> Settings:
    """The defaults, with a free port and these changes to [web]."""
    settings = default_settings()
    changed = {"port": 0, "token": Secret(token), **web}
    return replace(settings, checks=checks or settings.checks, web=replace(settings.web, **changed))


@asynccontextmanager
async def serving(
    settings: Settings,
    checker: Checker | None,
    store: Store,
    metrics: Metrics | None = None,
    timings: Timings | None = None,
) -> AsyncIterator[WebAdapter]:
    """The adapter, running until the end of the block."""
    adapter = WebAdapter(settings, checker, store, Inbox(store, 900), metrics=metrics or Metrics(), timings=timings)
    running = asyncio.create_task(adapter.run())
    try:
        while adapter.status != "running":
            assert not running.done(), running.exception()
            await asyncio.sleep(0.005)
        yield adapter
    finally:
        await adapter.close()
        await running
