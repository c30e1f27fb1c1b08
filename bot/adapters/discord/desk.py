"""Where accepted requests are worked off: fetch, check, answer, once each, over faults and restarts."""

import asyncio
import logging
import sqlite3
import time
from collections.abc import Awaitable, Coroutine
from typing import Any

import discord

from bot import trail
from bot.adapters.discord.answer import compose, sentence
from bot.adapters.discord.asks import Ask
from bot.adapters.discord.delivery import Revoked, Stale
from bot.adapters.discord.examine import Examined, Examiner
from bot.adapters.discord.log_channel import LogChannel
from bot.adapters.discord.post import Post
from bot.community import Mode
from bot.errors import TryLater
from bot.inbox import Inbox, Request, TakenOver
from bot.presence import BEAT_SECONDS
from bot.verdict import Label, Verdict
from bot.wording import say

log = logging.getLogger(__name__)

PLATFORM = "discord"


class Desk:
    """Takes requests into the inbox and answers them."""

    def __init__(
        self, fresh_minutes: float, examiner: Examiner, inbox: Inbox, post: Post, log_channel: LogChannel
    ) -> None:
        self._fresh_seconds = fresh_minutes * 60
        self._examiner = examiner
        self._inbox = inbox
        self._post = post
        self._log_channel = log_channel
        self._work: set[asyncio.Task[None]] = set()
        self._watching: asyncio.Task[None] | None = None
        self._closing = False

    async def take(self, ask: Ask, acknowledge: Awaitable[object] | None = None) -> None:
        """Write a request down and start on it, after acknowledging it. One that is known already is left alone."""
        trail.begin(ask.key)
        both = [self._inbox.accept(ask.key, PLATFORM, ask.payload()), *([] if acknowledge is None else [acknowledge])]
        accepted, *_ = await asyncio.gather(*both, return_exceptions=True)
        if isinstance(accepted, BaseException):
            raise accepted
        if accepted:
            self._start(ask, time.time(), again=False)

    async def take_up(self) -> None:
        """After a start: what was accepted and not answered; from then on also what other processes leave when they end."""
        self._resume(*await self._inbox.unanswered(PLATFORM))
        if self._inbox.shared:
            self._watching = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            try:
                self._resume(*await self._inbox.orphans(PLATFORM))
            except sqlite3.Error as error:
                log.warning("Discord: what other processes left can't be looked for (%s); trying again", error)

    def _resume(self, fresh: list[Request], stale: list[Request]) -> None:
        if fresh or stale:
            log.info("Discord: %d requests were left open, %d of them are fresh.", len(fresh) + len(stale), len(fresh))
        for request in fresh:
            ask = Ask.from_payload(request.key, request.payload)
            with trail.following(ask.key):
                self._start(ask, request.accepted, again=bool(request.payload.get("sending")))
        for request in stale:
            ask = Ask.from_payload(request.key, request.payload)
            with trail.following(ask.key):
                self._spawn(self._excuse(ask))

    async def close(self, seconds: float) -> None:
        """Finish what is accepted. What is not done in time stays in the inbox for the next start."""
        self._closing = self._examiner.closing = True
        if self._watching is not None:
            self._watching.cancel()
        if self._work:
            await asyncio.wait(self._work, timeout=seconds)
        left = list(self._work)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        if left:
            log.info("Discord: %d requests wait in the inbox for the next start.", len(left))

    def _start(self, ask: Ask, accepted: float, *, again: bool) -> None:
        if not self._closing:  # else it is worked off after the next start
            self._spawn(self._answer(ask, accepted, again))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    async def _answer(self, ask: Ask, accepted: float, again: bool) -> None:
        until = accepted + self._fresh_seconds
        try:
            if again and await self._post.arrived(ask, accepted, until):
                log.info("Discord: %s was answered before the restart.", ask.key)
            else:
                await self._bring(ask, await self._examiner.examine(ask, until), accepted, until)
        except Stale:
            log.warning("Discord: %s could not be answered while it was fresh.", ask.key)
            return await self._excuse(ask)
        except (TryLater, Revoked):
            return None  # closing, or no token: it stays in the inbox
        except TakenOver:
            log.info("Discord: %s is another process' now.", ask.key)
            return None
        except Exception:
            await self._fail(ask, accepted)
        return await self._inbox.done(ask.key)

    async def _bring(self, ask: Ask, found: Examined, accepted: float, until: float) -> None:
        """The answer, in the way that the server's rules want it, and a line in its log channel."""
        cases = await self._log_channel.open(ask, found)
        appeal = bool(cases) and found.rules.appealable and (not ask.private or ask.user == found.author)
        if not ask.automatic:
            answer = compose(found.items, found.left_out, found.language, appeal=appeal)
            answer = sentence(found.sentence) if found.sentence else answer
            await self._post.deliver(ask, answer, accepted, until, found.language)
        elif found.verdicts:
            await self._unasked(ask, found, appeal, accepted, until)
        for item in found.items if ask.automatic else ():
            if isinstance(item.outcome, str):
                log.info("Discord: no verdict in %s: %s", ask.key, item.outcome)
        try:
            await self._log_channel.write(ask, found, cases, until)
        except Exception:  # the answer is there: no trouble of the log is told to whoever asked
            log.exception("Discord: %s could not be written into the log channel", ask.key)

    async def _unasked(self, ask: Ask, found: Examined, appeal: bool, accepted: float, until: float) -> None:
        mode = found.rules.mode
        labels = {verdict.label for verdict in found.verdicts}
        if mode is Mode.REACT:
            await self._post.react(ask, [say(f"verdict.symbol-{label}") for label in Label if label in labels], until)
        elif mode is Mode.REPLY or (mode is Mode.REPLY_AI and Label.AI in labels):
            items = [item for item in found.items if isinstance(item.outcome, Verdict)]
            answer = compose(items, found.left_out, found.language, appeal=appeal)
            await self._post.deliver(ask, answer, accepted, until, found.language)

    async def _fail(self, ask: Ask, accepted: float) -> None:
        """A bug: the log has the details, the person gets their number."""
        number = trail.number()
        log.exception("Discord: error %s while answering %s", number, ask.key)
        if ask.automatic:
            return
        try:
            text = say("error", ask.locale, id=number)
            await self._post.deliver(ask, sentence(text), accepted, time.time() + 60, ask.locale)
        except (Stale, Revoked, discord.HTTPException) as error:
            log.warning("Discord: error %s could not be told: %s", number, type(error).__name__)

    async def _excuse(self, ask: Ask) -> None:
        """Too old to be answered: say so if that is possible, and strike it off."""
        log.warning("Discord: %s is struck off unanswered: it is too old.", ask.key)
        if not ask.automatic:
            try:
                text = say("discord.stale", ask.locale)
                await self._post.deliver(ask, sentence(text), time.time(), time.time() + 60, ask.locale)
            except (Stale, Revoked, discord.HTTPException) as error:
                log.warning("Discord: %s could not be told either: %s", ask.key, type(error).__name__)
        await self._inbox.done(ask.key)
