"""Where accepted requests are worked off: fetch, check, answer, once each, over faults and restarts."""

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Coroutine
from typing import Any

import discord

from bot.adapters.discord.answer import Answer, Item, compose, sentence
from bot.adapters.discord.asks import Ask
from bot.adapters.discord.delivery import Delivery, Revoked, Stale
from bot.adapters.discord.download import Downloads, Gone
from bot.adapters.discord.post import Post
from bot.adapters.discord.sources import Finder, Source
from bot.adapters.discord.timings import Timings
from bot.core import Checker, Picture
from bot.errors import Refusal, TryLater
from bot.inbox import Inbox
from bot.settings import ChecksSettings
from bot.verdict import Verdict
from bot.wording import say

log = logging.getLogger(__name__)

PLATFORM = "discord"
MOST = 10  # embeds in a message


class Desk:
    """Takes requests into the inbox and answers them."""

    def __init__(
        self,
        checks: ChecksSettings,
        checker: Checker,
        inbox: Inbox,
        delivery: Delivery,
        finder: Finder,
        timings: Timings,
        language: str,
    ) -> None:
        self._checks = checks
        self._checker = checker
        self._inbox = inbox
        self._delivery = delivery
        self._finder = finder
        self._timings = timings
        self._language = language
        self._downloads = Downloads(checks.max_bytes, timings, language)
        self._post = Post(delivery, inbox, timings, language)
        self._work: set[asyncio.Task[None]] = set()
        self._closing = False

    async def take(self, ask: Ask, acknowledge: Awaitable[object] | None = None) -> None:
        """Write a request down and start on it, after acknowledging it. One that is known already is left alone."""
        both = [self._inbox.accept(ask.key, PLATFORM, ask.payload()), *([] if acknowledge is None else [acknowledge])]
        accepted, *_ = await asyncio.gather(*both, return_exceptions=True)
        if isinstance(accepted, BaseException):
            raise accepted
        if accepted:
            self._start(ask, time.time(), again=False)

    async def take_up(self) -> None:
        """After a start: what was accepted and not answered."""
        fresh, stale = await self._inbox.unanswered(PLATFORM)
        for request in fresh:
            ask = Ask.from_payload(request.key, request.payload)
            self._start(ask, request.accepted, again=bool(request.payload.get("sending")))
        for request in stale:
            ask = Ask.from_payload(request.key, request.payload)
            self._spawn(self._excuse(ask))

    async def close(self, seconds: float) -> None:
        """Finish what is accepted. What is not done in time stays in the inbox for the next start."""
        self._closing = True
        if self._work:
            await asyncio.wait(self._work, timeout=seconds)
        left = list(self._work)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        if left:
            log.info("Discord: %d requests wait in the inbox for the next start.", len(left))
        await self._downloads.close()

    def _start(self, ask: Ask, accepted: float, *, again: bool) -> None:
        if not self._closing:  # else it is worked off after the next start
            self._spawn(self._answer(ask, accepted, again))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    async def _answer(self, ask: Ask, accepted: float, again: bool) -> None:
        until = accepted + self._checks.fresh_minutes * 60
        try:
            if again and await self._post.arrived(ask, accepted, until):
                log.info("Discord: %s was answered before the restart.", ask.key)
            else:
                answer = await self._compose(ask, until)
                if answer is not None:
                    await self._post.deliver(ask, answer, accepted, until)
        except Stale:
            log.warning("Discord: %s could not be answered while it was fresh.", ask.key)
            return await self._excuse(ask)
        except (TryLater, Revoked):
            return None  # closing, or no token: it stays in the inbox
        except Exception:
            await self._fail(ask, accepted)
        return await self._inbox.done(ask.key)

    async def _compose(self, ask: Ask, until: float) -> Answer | None:
        """The answer; None if an automatic check has nothing to say."""
        if ask.hidden:
            return sentence(say("discord.hidden", self._language))
        sources = await self._look_up(ask, until) if ask.sources is None else ask.sources
        if not sources:
            return sentence(say("discord.no_picture", self._language))
        most = min(self._checks.per_message, MOST)
        looked = sources[:most]
        results = await asyncio.gather(
            *(self._judge(ask, number, source, until) for number, source in enumerate(looked)), return_exceptions=True
        )
        items: list[Item] = []
        for result in results:
            if isinstance(result, BaseException):
                raise result
            items.append(result)
        if ask.automatic:
            for item in items:
                if isinstance(item.outcome, str):
                    log.info("Discord: no verdict in %s: %s", ask.key, item.outcome)
            items = [item for item in items if not isinstance(item.outcome, str)]
        if not items:
            return None
        return compose(items, len(sources) - len(looked), self._language)

    async def _judge(self, ask: Ask, number: int, source: Source, until: float) -> Item:
        renewed = False
        while True:
            try:
                return Item(source.name, await self._check(ask, source))
            except Refusal as refusal:
                return Item(source.name, str(refusal))
            except Gone:
                again = () if renewed or ask.target is None else await self._look_up(ask, until)
                if number >= len(again):
                    return Item(source.name, say("discord.gone", self._language))
                source, renewed = again[number], True
            except TryLater as later:
                if self._closing:
                    raise
                if not ask.automatic:
                    return Item(source.name, str(later))
                if time.time() + later.seconds > until:
                    return Item(source.name, str(later))
                await asyncio.sleep(later.seconds)  # nobody is waiting for an automatic check

    async def _check(self, ask: Ask, source: Source) -> Verdict:
        if source.animation:
            raise Refusal("lottie", say("discord.lottie", self._language))
        async with self._downloads.bytes_of(source) as data:
            return await self._checker.check(Picture(data, source.arrival), ask.asker)

    async def _look_up(self, ask: Ask, until: float) -> tuple[Source, ...]:
        """Read the message with the pictures (again): its urls are fresh then. Nothing, if the bot may not."""
        assert ask.target is not None
        channel, message = ask.target
        if ask.unfurls:
            await asyncio.sleep(self._timings.unfurl_seconds)
        try:
            found = await self._delivery.attempt(
                until,
                lambda client: client.get_partial_messageable(channel, guild_id=ask.guild).fetch_message(message),
            )
        except (discord.Forbidden, discord.NotFound) as error:
            log.info("Discord: message %d in channel %d can't be read: %s", message, channel, error.text)
            return ()
        return self._finder.find(found, not ask.automatic)

    async def _fail(self, ask: Ask, accepted: float) -> None:
        """A bug: the log has the details, the person gets their number."""
        number = secrets.token_hex(4)
        log.exception("Discord: error %s while answering %s", number, ask.key)
        if ask.automatic:
            return
        try:
            text = say("error", self._language, id=number)
            await self._post.deliver(ask, sentence(text), accepted, time.time() + 60)
        except (Stale, Revoked, discord.HTTPException) as error:
            log.warning("Discord: error %s could not be told: %s", number, type(error).__name__)

    async def _excuse(self, ask: Ask) -> None:
        """Too old to be answered: say so if that is possible, and strike it off."""
        log.warning("Discord: %s is struck off unanswered: it is too old.", ask.key)
        if not ask.automatic:
            try:
                text = say("discord.stale", self._language)
                await self._post.deliver(ask, sentence(text), time.time(), time.time() + 60)
            except (Stale, Revoked, discord.HTTPException) as error:
                log.warning("Discord: %s could not be told either: %s", ask.key, type(error).__name__)
        await self._inbox.done(ask.key)
