"""Askers, and a running Checker whose detector can be held, for the tests of bot.core and bot.judge."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from bot.core import Asker, Checker, Picture
from bot.metrics import Metrics
from bot.settings import ChecksSettings
from bot.store import Store
from bot.verdict import Verdict
from tests.conftest import FakeDetector, make_picture

ANNA = Asker("discord:guild/1", "discord:user/1")
BEN = Asker("telegram:chat/2", "telegram:user/2")


@asynccontextmanager
async def running(
    checks: ChecksSettings, detector: Any, store: Store, metrics: Metrics | None = None
) -> AsyncIterator[Checker]:
    checker = Checker(checks, detector, store, metrics or Metrics())
    await checker.start()
    try:
        yield checker
    finally:
        detector.gate.set()
        await checker.close(10)


async def until(true: Callable[[], object]) -> None:
    """Wait until something happens that happens soon."""
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110  anything can be waited for in this way
            await asyncio.sleep(0.002)


def ask(checker: Checker, data: bytes, asker: Asker = ANNA) -> asyncio.Task[Verdict]:
    return asyncio.create_task(checker.check(Picture(data), asker))


async def occupy(checker: Checker, detector: FakeDetector) -> asyncio.Task[Verdict]:
    """Have the network hold one picture at the detector's gate."""
    detector.gate.clear()
    asked = ask(checker, make_picture(seed=1000))
    await until(lambda: detector.at_gate)
    return asked


def one_decoder(checks: ChecksSettings, **changes: Any) -> ChecksSettings:
    """One picture is decoded and judged at a time, and two more have their turn: order can be seen."""
    return replace(checks, decode_threads=1, batch=1, **changes)
