"""More than one connection to the gateway: for a bot in more servers than one may hold (2,500), or in several processes.

Discord deals servers out to shards by number, and lets so many connections identify within five seconds; processes that start
together take turns at that through Redis, where [scale] has one.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import discord
from yarl import URL

from bot.adapters.discord.client import CandidClient
from bot.errors import SettingsError
from bot.settings import Settings

log = logging.getLogger(__name__)

IDENTIFY_SECONDS = 5.2  # between two identifies of one bucket, with a little to spare
LOOK_SECONDS = 0.2
_SHARDS = re.compile(r"(\d+)(?:-(\d+))?/(\d+)")

Turn = Callable[[int], Awaitable[None]]  # takes the bucket, returns when this process may identify in it


@dataclass(frozen=True, slots=True)
class Shards:
    """Which of `count` shards this process holds."""

    ids: tuple[int, ...]
    count: int


def parse_shards(text: str) -> Shards | None:
    """ "0-3/16" or "5/16"; None for "", which is one connection for everything. Raises SettingsError."""
    if not text:
        return None
    if (found := _SHARDS.fullmatch(text.strip())) is not None:
        first, last, count = int(found[1]), int(found[2] or found[1]), int(found[3])
        if first <= last < count:
            return Shards(tuple(range(first, last + 1)), count)
    raise SettingsError(
        f'[discord] shards: found {text!r}, accepted is "0-3/16" for the first four of sixteen shards, or "" for one connection.'
    )


class ShardedClient(CandidClient, discord.AutoShardedClient):
    """A CandidClient with some of the bot's shards."""

    def __init__(self, shards: Shards, turn: Turn | None, **options: Any) -> None:
        super().__init__(shard_ids=list(shards.ids), shard_count=shards.count, **options)
        self._turn = turn
        self._buckets: int | None = None
        self._ending = False
        self._launched = asyncio.Event()  # unset while a shard is connecting
        self._launched.set()

    async def launch_shard(self, gateway: URL, shard_id: int, *, initial: bool = False) -> None:
        """Connect one more, unless this client ends: discord.py would try that for ever, and `connect` would not return."""
        if self._ending:
            return
        self._launched.clear()
        try:
            await super().launch_shard(gateway, shard_id, initial=initial)
        finally:
            self._launched.set()

    async def close(self) -> None:
        """A shard that is just connecting finishes first: nobody knows of it before, and its thread would be left behind."""
        self._ending = True
        try:
            async with asyncio.timeout(2 * IDENTIFY_SECONDS):
                await self._launched.wait()
        except TimeoutError:
            log.warning("Discord: a shard still connects while Candid ends; it is left to itself")
        await super().close()

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Wait until Discord will not mind."""
        if self._turn is None:
            await super().before_identify_hook(shard_id, initial=initial)
            return
        if self._buckets is None:
            self._buckets = (await self.fetch_session_start_limits()).max_concurrency
        await self._turn((shard_id or 0) % self._buckets)


def turns_in_redis(redis: Any, seconds: float = IDENTIFY_SECONDS) -> Turn:
    """A turn for each bucket among all processes. While Redis is away each waits as if it were alone."""
    from redis.exceptions import RedisError

    async def turn(bucket: int) -> None:
        try:
            while not await redis.set(f"candid:identify:{bucket}", 1, nx=True, px=round(1000 * seconds)):  # noqa: ASYNC110
                await asyncio.sleep(LOOK_SECONDS)
        except (RedisError, OSError) as error:
            log.warning("Discord: turns to identify can't be taken, Redis is away (%s)", error)
            await asyncio.sleep(seconds)

    return turn


def identify_turns(settings: Settings) -> Turn | None:
    """None where no Redis is set: then this process is taken for the only one."""
    if not settings.scale.redis:
        return None
    from redis.asyncio import Redis

    return turns_in_redis(Redis.from_url(settings.scale.redis.reveal(), socket_timeout=5, socket_connect_timeout=5))
