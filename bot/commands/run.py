"""`candid`: run everything that is configured."""

import asyncio
import os
import sys

from bot.app import App
from bot.champion import Loader
from bot.greeting import greeting
from bot.logs import start_logging
from bot.settings import Settings


def run(settings: Settings, load: Loader | None = None) -> int:
    """Until SIGTERM or Ctrl+C. Raises SettingsError when there is nothing to run or no model."""
    start_logging(settings.log, settings.secrets())
    app = App(settings, load)
    asyncio.run(_run(app))
    return 0


async def _run(app: App) -> None:
    await app.run(_greet)
    if (
        app.loading
    ):  # a thread compiles the model and can't be stopped; all else is closed, so nobody should wait for it
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def _greet(app: App) -> None:
    if sys.stdout.isatty():
        print(*greeting(app.settings, app.web.url if app.web else ""), sep="\n", flush=True)
