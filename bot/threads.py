"""Threads for what takes long: their work knows the request it is for, and they know how long they have been at it."""

import asyncio
import logging
import os
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, TypeVar

log = logging.getLogger(__name__)

T = TypeVar("T")

STUCK_SECONDS = 120.0  # that no pass of the network takes, and no decoding beyond what it may
LOOK_SECONDS = 5.0
LOOKS = 12  # in a row at which a thread is stuck, after which the process ends: /healthz has said so for a minute then


class Threads(ThreadPoolExecutor):
    """At most `most` threads; what is handed to them runs in the context (bot.trail) of whoever did.

    Their work may take `spare` seconds more than that of others until it counts as stuck.
    """

    def __init__(self, most: int, name: str, spare: float = 0.0) -> None:
        super().__init__(most, name)
        self._spare = spare
        self._since: dict[object, float] = {}  # of all that runs now

    def submit(self, work: Callable[..., T], /, *arguments: Any, **named: Any) -> "Future[T]":
        return super().submit(self._run, copy_context().run, work, *arguments, **named)

    @property
    def stuck(self) -> bool:
        """Whether one of them has been at the same work for so long that it will never come back."""
        now = time.monotonic()
        return now - min(self._since.copy().values(), default=now) > STUCK_SECONDS + self._spare

    def _run(self, work: Callable[..., T], *arguments: Any, **named: Any) -> T:
        mark = object()
        self._since[mark] = time.monotonic()
        try:
            return work(*arguments, **named)
        finally:
            del self._since[mark]


async def end_when_stuck(stuck: Callable[[], bool]) -> None:
    """A thread can't be stopped, only its process. This is for where nobody looks at /healthz and starts it again.

    Counted in looks, not by the clock: a process that was frozen for an hour is not stuck.
    """
    looks = 0
    while looks < LOOKS:
        await asyncio.sleep(LOOK_SECONDS)
        looks = looks + 1 if stuck() else 0
        if looks == 1:
            log.error(
                "A thread that judges does not come back; unless it soon does, Candid ends and must be started again"
            )
    log.critical(
        "Candid ends, for a thread that judges hangs; what was accepted is done after the next start, or by others"
    )
    os._exit(1)
