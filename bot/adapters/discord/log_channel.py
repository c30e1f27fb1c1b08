"""A server's log channel: a line a verdict, and flagged pictures as cases with buttons for moderators. No pictures.

Nothing here mentions anybody, and nothing that goes wrong here keeps an answer from whoever asked.
"""

import asyncio
import logging
import time
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import discord
from discord.http import Route

from bot.adapters.discord.answer import MOST_TEXT, Answer
from bot.adapters.discord.asks import Ask
from bot.adapters.discord.cases import case_answer, forgotten_case, verdict_line
from bot.adapters.discord.delivery import Delivery, Revoked, Stale
from bot.adapters.discord.examine import Examined
from bot.adapters.discord.here import person, server
from bot.adapters.discord.timings import Timings
from bot.community import Case, Community, Rules
from bot.core import Checker
from bot.verdict import Label, Verdict
from bot.wording import DEFAULT, say

log = logging.getLogger(__name__)

MESSAGES = "/channels/{channel_id}/messages"
SAY_AGAIN = 3600.0
QUIET = {"parse": [], "replied_user": False}


class LogChannel:
    """Writes to log channels."""

    def __init__(self, delivery: Delivery, community: Community, checker: Checker, timings: Timings) -> None:
        self._delivery = delivery
        self._community = community
        self._checker = checker
        self._timings = timings
        self._waiting: dict[int, list[tuple[str, str]]] = {}  # lines of a server, each with its nonce
        self._writing: dict[int, asyncio.Lock] = {}
        self._said: dict[int, float] = {}  # server -> when its channel could not be written to

    async def open(self, ask: Ask, found: Examined) -> list[Case]:
        """A case for each flagged picture that somebody posted here. Before the answer, whose button appeals to it."""
        if ask.guild is None or ask.target is None or found.author is None or found.rules.log_channel is None:
            return []
        flagged = {verdict.sha256: verdict for verdict in found.verdicts if verdict.label is Label.AI}
        return [await self.case(ask.guild, verdict, found.author, found.link) for verdict in flagged.values()]

    async def case(self, guild: int, verdict: Verdict, author: int, link: str) -> Case:
        """The case of a picture, new or known."""
        return await self._community.cases.open(server(guild), verdict, person(author), link)

    async def write(self, ask: Ask, found: Examined, cases: Iterable[Case], until: float) -> None:
        """What came of a request."""
        if ask.guild is None or found.rules.log_channel is None or not found.verdicts:
            return
        fresh = {case.sha256: case for case in cases if case.log_message is None}
        lines = [
            verdict_line(verdict, found.link, found.language, automatic=ask.automatic)
            for verdict in found.verdicts
            if verdict.sha256 not in fresh
        ]
        await self._write_lines(
            ask.guild, found.rules, [(f"{ask.nonce}+{n}", line) for n, line in enumerate(lines)], until
        )
        for case in fresh.values():
            await self.show(case, found.rules, found.language, until)

    async def _write_lines(self, guild: int, rules: Rules, lines: list[tuple[str, str]], until: float) -> None:
        """Many in a message, where they come faster than Discord lets messages be written."""
        waiting = self._waiting.setdefault(guild, [])
        waiting += lines
        async with self._writing.setdefault(guild, asyncio.Lock()):
            while waiting:
                count, size = 0, 0
                while count < len(waiting) and size + len(waiting[count][1]) < MOST_TEXT - count:
                    size += len(waiting[count][1])
                    count += 1
                batch = [waiting.pop(0) for _ in range(max(1, count))]
                text = "\n".join(line for _, line in batch)[:MOST_TEXT]
                await self.post(guild, rules, {"content": text}, until, nonce=batch[0][0])

    async def show(self, case: Case, rules: Rules, language: str, until: float | None = None) -> bool:
        """Bring a case's message to its state now; post it if it isn't there. False if it can't be."""
        guild = int(case.server.partition(":")[2])
        until = until or time.time() + self._timings.tell_seconds
        body = (await self.drawn(case, rules, language)).body()
        if case.log_message is not None and await self._edit(case.log_message, body, until):
            return True
        posted = await self.post(guild, rules, body, until, nonce=f"case/{case.id}")
        if posted is not None:
            await self._community.cases.note(case.server, case.id, log_message=posted)
        return posted is not None

    async def drawn(self, case: Case, rules: Rules, language: str) -> Answer:
        """A case in words and buttons."""
        return case_answer(case, await self._checker.recall(case.sha256), language, review=rules.review)

    async def forget(self, case: Case, person: str, until: float) -> bool:
        """Take somebody out of a case's message; false if they may still stand there. Before it, the store forgets them."""
        rules = await self._community.rules.read(case.server)
        language = rules.language or self._locale(case.server)
        if case.author == person:
            answer = forgotten_case(case, language)
        else:
            answer = await self.drawn(replace(case, decided_by=None), rules, language)
        try:
            await self._patch(case.log_message or "", answer.body(), until)
        except discord.NotFound:  # nothing stands there any more
            return True
        except (discord.HTTPException, Stale, Revoked) as error:
            log.info("Discord: somebody is still named in a case's message: %s", error)
            return False
        return True

    async def appealed(self, case: Case, rules: Rules, language: str) -> bool:
        """Show a case that was appealed, and say so below: an edit alone is seen by nobody. False if it can't be."""
        if not await self.show(case, rules, language):
            return False
        known = await self._community.cases.find(case.server, case.id)
        if known is None or known.log_message is None:
            return True
        channel, _, message = known.log_message.partition("/")
        text = say("discord.case.new_appeal", language)
        body = {"content": text, "message_reference": {"message_id": message, "fail_if_not_exists": False}}
        if channel == rules.log_channel:
            await self.post(int(case.server.partition(":")[2]), rules, body, time.time() + self._timings.tell_seconds)
        return True

    async def post(
        self, guild: int, rules: Rules, body: dict[str, Any], until: float, *, nonce: str = ""
    ) -> str | None:
        """Write to the log channel; returns where the message stands ("channel/message"), None if it can't be."""
        if rules.log_channel is None or not await self._belongs(guild, rules.log_channel, until):
            self._note(guild, "it isn't there any more, or not in this server")
            return None
        return await self.send(guild, int(rules.log_channel), body, until, nonce=nonce)

    async def send(
        self, guild: int, channel: int, body: dict[str, Any], until: float, *, nonce: str = ""
    ) -> str | None:
        """Write to a channel of a server, without mentions. None if that can't be."""
        once = {"nonce": nonce, "enforce_nonce": True} if nonce else {}
        try:
            route = Route("POST", MESSAGES, channel_id=channel)
            sent = await self._delivery.call(until, route, body | once | {"allowed_mentions": QUIET})
        except (discord.HTTPException, Stale, Revoked) as error:
            self._note(guild, str(error) or type(error).__name__)
            return None
        return f"{channel}/{sent['id']}"

    async def _edit(self, place: str, body: dict[str, Any], until: float) -> bool:
        try:
            await self._patch(place, body, until)
        except (discord.HTTPException, Stale, Revoked) as error:
            log.info("Discord: a case's message can't be edited: %s", error)
            return False
        return True

    async def _patch(self, place: str, body: dict[str, Any], until: float) -> None:
        channel, _, message = place.partition("/")
        route = Route("PATCH", MESSAGES + "/{message_id}", channel_id=int(channel), message_id=int(message))
        await self._delivery.call(until, route, body)

    def _locale(self, server: str) -> str:
        """The language of a server as Discord knows it."""
        client = self._delivery.client
        guild = client.get_guild(int(server.partition(":")[2])) if client is not None else None
        return str(guild.preferred_locale) if guild is not None else DEFAULT

    async def _belongs(self, guild: int, channel: str, until: float) -> bool:
        """Whether the log channel is this server's: nobody's verdicts go elsewhere."""
        client = self._delivery.client
        here = client.get_guild(guild) if client is not None else None
        if here is not None and here.get_channel_or_thread(int(channel)) is not None:
            return True
        try:  # just after a start nothing is known yet, and old threads never are
            found = await self._delivery.call(until, Route("GET", "/channels/{channel_id}", channel_id=int(channel)))
        except (discord.HTTPException, Stale, Revoked):
            return False
        return bool(found.get("guild_id") == str(guild))

    def _note(self, guild: int, why: str) -> None:
        now = time.monotonic()
        if now - self._said.get(guild, -SAY_AGAIN) >= SAY_AGAIN:
            self._said[guild] = now
            log.warning("Discord: I can't write to the log channel of server %d: %s", guild, why)
