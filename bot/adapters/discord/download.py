"""Fetches pictures from Discord's CDN: bounded in bytes each, in bytes at once, and in time."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from bot.adapters.discord.sources import Source
from bot.adapters.discord.timings import Timings
from bot.errors import Refusal, TryLater
from bot.wording import refuse, say

log = logging.getLogger(__name__)

AT_ONCE = 256 * 1024 * 1024
UNKNOWN = 4 * 1024 * 1024
GONE = (401, 403, 404, 410)


class Gone(Exception):
    """The url is not good any more (they expire in a day), or the picture was deleted."""


class Room:
    """So many bytes in memory at once. Who doesn't fit waits; first come, first served."""

    def __init__(self, size: int) -> None:
        self._size = self._free = size
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def take(self, need: int) -> AsyncIterator[None]:
        """Hold `need` bytes (at most all there are)."""
        need = min(need, self._size)
        if self._waiting or need > self._free:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append((need, turn))
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self._give_back(need)
                elif (need, turn) in self._waiting:
                    self._waiting.remove((need, turn))
                    self._admit()
                raise
        else:
            self._free -= need
        try:
            yield
        finally:
            self._give_back(need)

    def _give_back(self, need: int) -> None:
        self._free += need
        self._admit()

    def _admit(self) -> None:
        while self._waiting and self._waiting[0][0] <= self._free:
            need, turn = self._waiting.popleft()
            if not turn.done():
                self._free -= need
                turn.set_result(None)


class Downloads:
    """Fetches a picture's bytes, never more than `max_bytes`, whatever the other side says."""

    def __init__(self, max_bytes: int, timings: Timings) -> None:
        self._max_bytes = max_bytes
        self._timings = timings
        self._room = Room(AT_ONCE)
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Give the connections back."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    @asynccontextmanager
    async def bytes_of(self, source: Source) -> AsyncIterator[bytes]:
        """The picture. Its memory counts until the block ends. Raises Refusal (too large), TryLater, Gone."""
        if source.size is not None and source.size > self._max_bytes:
            raise self._too_large(source.size)
        async with self._room.take(source.size or UNKNOWN):
            yield await self._fetch(source.url)

    async def _fetch(self, url: str) -> bytes:
        pause = self._timings.first_retry
        for attempt in range(self._timings.download_tries):
            if attempt:
                await asyncio.sleep(pause)
                pause = min(pause * 2, self._timings.longest_retry)
            try:
                async with asyncio.timeout(self._timings.download_seconds):
                    return await self._read(url)
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                log.info("A picture could not be fetched (%s), attempt %d.", type(error).__name__, attempt + 1)
        raise TryLater(60, say("discord.unreachable"), "discord.unreachable")

    async def _read(self, url: str) -> bytes:
        if self._session is None:
            self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        async with self._session.get(url, allow_redirects=False) as answer:
            if answer.status in GONE:
                raise Gone
            if answer.status != 200:
                raise aiohttp.ClientPayloadError(f"status {answer.status}")
            if (answer.content_length or 0) > self._max_bytes:
                raise self._too_large(answer.content_length or 0)
            data = bytearray()
            async for chunk in answer.content.iter_chunked(1 << 16):
                data += chunk
                if len(data) > self._max_bytes:
                    raise self._too_large(len(data))
            return bytes(data)

    def _too_large(self, size: int) -> Refusal:
        megabytes, most = (f"{count / (1 << 20):.1f}".removesuffix(".0") for count in (size, self._max_bytes))
        return refuse("too-many-bytes", "refusal.too-many-bytes", megabytes=megabytes, most=most)
