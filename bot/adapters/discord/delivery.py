"""Requests to Discord that are made until Discord has them: over faults, limits, and restarts of the client."""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import aiohttp
import discord
from discord.http import Route

from bot.adapters.discord.files import File, request
from bot.adapters.discord.timings import Timings

log = logging.getLogger(__name__)

T = TypeVar("T")


class Stale(Exception):
    """It could not be delivered while it was worth something."""


class Revoked(Exception):
    """The token is refused. What is open waits for a new one."""


class Delivery:
    """Holds the client of the moment; a request outlives it and goes on with the next one."""

    def __init__(self, timings: Timings, revoked: Callable[[], None]) -> None:
        self._timings = timings
        self._revoked = revoked
        self.client: discord.Client | None = None
        self._logged_in = asyncio.Event()

    def use(self, client: discord.Client) -> None:
        """This client is logged in."""
        self.client = client
        self._logged_in.set()

    def lose(self) -> None:
        """There is no client until the next `use`."""
        self.client = None
        self._logged_in.clear()

    async def call(
        self, until: float, route: Route, body: dict[str, Any] | None = None, file: File | None = None
    ) -> Any:
        """Make one REST request. discord.py itself repeats 500, 502, 504 for 25 s and heeds the rate limits.

        The rest is here: 503, 429 of the edge without a bucket, resets (Linux's errno 104 too), a closed session.
        """
        timeout = aiohttp.ClientTimeout(total=self._timings.send_seconds)
        return await self.attempt(
            until, lambda client: client.http.request(route, timeout=timeout, **request(body, file))
        )

    async def attempt(self, until: float, what: Callable[[discord.Client], Awaitable[T]]) -> T:
        """Try until it works or time is up (Stale). What Discord finally refuses is raised as discord.py has it."""
        pause = self._timings.first_retry
        while True:
            left = until - time.time()
            if left <= 0:
                raise Stale
            try:
                async with asyncio.timeout(left):
                    await self._logged_in.wait()
                client = self.client
                if client is not None:
                    return await what(client)
            except discord.RateLimited as error:
                pause = max(pause, error.retry_after)
            except discord.HTTPException as error:
                if error.status == 401 and error.code == 0:
                    self._revoked()
                    raise Revoked from None
                if error.status != 429 and error.status < 500:
                    raise
                pause = max(pause, _retry_after(error))
                log.info("Discord answered %d; trying again in %.1f s.", error.status, pause)
            except RuntimeError as error:
                if client is None or not client.is_closed():
                    raise
                log.info("The client was closed meanwhile (%s).", error)
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                log.info("Discord can't be reached (%s); trying again in %.1f s.", type(error).__name__, pause)
            await asyncio.sleep(min(pause * random.uniform(1.0, 1.2), max(0.0, until - time.time())))
            pause = min(pause * 2, self._timings.longest_retry)


def _retry_after(error: discord.HTTPException) -> float:
    try:
        return float(error.response.headers.get("Retry-After", 0))
    except ValueError:  # a date is allowed there too
        return 0.0
