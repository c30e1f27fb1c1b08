"""A picture that was judged before, found again where it was posted: Candid keeps none."""

import asyncio
import hashlib
import logging
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import discord

from bot.adapters.discord.delivery import Delivery, Revoked, Stale
from bot.adapters.discord.download import Downloads, Gone
from bot.adapters.discord.here import author_of, link, linked
from bot.adapters.discord.sources import Finder, Source
from bot.adapters.discord.timings import Timings
from bot.errors import Refusal
from bot.verdict import Arrival

log = logging.getLogger(__name__)

REMEMBERED = 1000  # addresses of pictures that came with a command and stand in no message
HOPS = 2  # from the answer to the question, and from that to the picture that it is about


@dataclass(frozen=True, slots=True)
class Found:
    """The bytes, who posted them (None: a bot or somebody unknown), and the message that they are in."""

    data: bytes
    arrival: Arrival
    author: int | None
    link: str | None


@dataclass(frozen=True, slots=True)
class _Place:
    sources: tuple[Source, ...]
    author: int | None
    link: str | None


class Pictures:
    """Finds by the answer that a button hangs on, and the first digits of the picture's hash."""

    def __init__(self, delivery: Delivery, finder: Finder, downloads: Downloads, timings: Timings) -> None:
        self._delivery = delivery
        self._finder = finder
        self._downloads = downloads
        self._timings = timings
        self._uploads: dict[str, _Place] = {}

    def remember(self, sha256: str, source: Source, user: int) -> None:
        """A picture that came with a command: its address is good for some hours, and is in no message."""
        self._uploads.pop(sha256[:32], None)
        self._uploads[sha256[:32]] = _Place((source,), user, None)
        while len(self._uploads) > REMEMBERED:
            del self._uploads[next(iter(self._uploads))]

    @asynccontextmanager
    async def of(self, answer: discord.Message | None, sha: str) -> AsyncIterator[Found | None]:
        """The picture, None if it is gone. Its memory counts until the block ends. Raises TryLater."""
        async with AsyncExitStack() as held:
            yield await self._find(answer, sha, held)

    async def _find(self, answer: discord.Message | None, sha: str, held: AsyncExitStack) -> Found | None:
        async for place in self._places(answer, sha):
            for source in place.sources:
                async with AsyncExitStack() as opened:
                    try:
                        data = await opened.enter_async_context(self._downloads.bytes_of(source))
                    except (Gone, Refusal) as error:
                        log.info("A picture can't be fetched again: %s", type(error).__name__)
                        continue
                    if (await asyncio.to_thread(hashlib.sha256, data)).hexdigest().startswith(sha):
                        await held.enter_async_context(opened.pop_all())
                        return Found(data, source.arrival, place.author, place.link)
        return None

    async def _places(self, answer: discord.Message | None, sha: str) -> AsyncIterator[_Place]:
        """Messages first: somebody may have had the same picture checked by a command, and did not post this one."""
        async for place in self._messages(answer):
            yield place
        if sha in self._uploads:
            yield self._uploads[sha]

    async def _messages(self, answer: discord.Message | None) -> AsyncIterator[_Place]:
        message = answer
        server = answer.guild.id if answer is not None and answer.guild is not None else None
        if about := linked(answer):
            message = await self._read(about[1], about[2], about[0])
            if message is not None:
                yield self._place(message, about[0])
            return
        for _ in range(HOPS):
            reference = message.reference if message is not None else None
            if message is None or reference is None or reference.message_id is None:
                return
            shown = reference.resolved if isinstance(reference.resolved, discord.Message) else None
            if shown is not None:
                yield self._place(shown, server)
            message = await self._read(reference.channel_id, reference.message_id, server) or shown
            if message is not None:
                yield self._place(message, server)

    def _place(self, message: discord.Message, server: int | None) -> _Place:
        found = tuple(source for source in self._finder.find(message, asked=True) if not source.animation)
        return _Place(found, author_of(message), link(server, message.channel.id, message.id))

    async def _read(self, channel: int, message: int, guild: int | None) -> discord.Message | None:
        """Its addresses are fresh then. None where the bot may not read, or there is nothing any more."""
        try:
            return await self._delivery.attempt(
                time.time() + self._timings.tell_seconds,
                lambda client: client.get_partial_messageable(channel, guild_id=guild).fetch_message(message),
            )
        except (discord.Forbidden, discord.NotFound, Stale, Revoked) as error:
            log.info("Discord: message %d in channel %d can't be read: %s", message, channel, type(error).__name__)
            return None
