"""Asking Redis something small that has another answer when Redis is away: the way of one process alone."""

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from bot.scale.broker import TROUBLE
from bot.secret import Secret

log = logging.getLogger(__name__)

T = TypeVar("T")

QUICK_SECONDS = 1.0  # that an answer may take: nobody is to wait long for what is not needed
AWAY_SECONDS = 3.0  # for which Redis isn't asked again after it did not answer


class Reach:
    """`without` says what is done while Redis is away: once when it goes, and once when it is back."""

    def __init__(self, address: Secret, without: str) -> None:
        self.redis: Any = Redis.from_url(
            address.reveal(),
            max_connections=50,
            socket_timeout=QUICK_SECONDS,
            socket_connect_timeout=QUICK_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        self._without = without
        self._away_until: float | None = None
        self._closed = False

    async def ask(self, call: Callable[[], Awaitable[T]]) -> T | None:
        """What Redis says, or None while it is away, and for good once this is closed."""
        if self._closed:
            return None
        if self._away_until is not None and time.monotonic() < self._away_until:
            return None
        try:
            found = await call()
        except TROUBLE as error:
            if self._away_until is None:
                log.warning("Redis can't be reached (%s): %s", error, self._without)
            self._away_until = time.monotonic() + AWAY_SECONDS
            return None
        if self._away_until is not None:
            log.info("Redis is back: what was said of it holds no more (%s)", self._without)
            self._away_until = None
        return found

    async def close(self) -> None:
        """Give the connections back. Who asks later, as the last that leave do, opens none."""
        self._closed = True
        await self.redis.aclose()
