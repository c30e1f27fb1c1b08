"""From a request to verdicts: find the pictures, heed who wants to be left alone and the server's rules, fetch, check."""

import asyncio
import logging
import time
from dataclasses import dataclass, replace

import discord

from bot.adapters.discord.answer import Item
from bot.adapters.discord.asks import Ask
from bot.adapters.discord.delivery import Delivery
from bot.adapters.discord.download import Downloads, Gone
from bot.adapters.discord.here import author_of, link, person, server
from bot.adapters.discord.pictures import Pictures
from bot.adapters.discord.sources import Finder, Source
from bot.adapters.discord.timings import Timings
from bot.community import Community, Rules
from bot.core import Checker, Picture
from bot.errors import Refusal, TryLater
from bot.limits import Lane
from bot.sensitivity import at
from bot.settings import ChecksSettings
from bot.verdict import Verdict
from bot.wording import refused, say

log = logging.getLogger(__name__)

MOST = 10  # embeds in a message


@dataclass(frozen=True, slots=True)
class Examined:
    """What came of a request: an item a picture, or one sentence. `left_out` pictures more were not looked at."""

    rules: Rules
    language: str
    items: tuple[Item, ...] = ()
    left_out: int = 0
    sentence: str = ""
    author: int | None = None
    link: str = ""

    @property
    def verdicts(self) -> list[Verdict]:
        """Of the pictures that could be judged."""
        return [item.outcome for item in self.items if isinstance(item.outcome, Verdict)]


class Examiner:
    """`closing` is set when Candid ends: then what must wait stays in the inbox."""

    def __init__(
        self,
        checks: ChecksSettings,
        checker: Checker,
        community: Community,
        delivery: Delivery,
        finder: Finder,
        downloads: Downloads,
        pictures: Pictures,
        timings: Timings,
    ) -> None:
        self.closing = False
        self._checks = checks
        self._checker = checker
        self._community = community
        self._delivery = delivery
        self._finder = finder
        self._downloads = downloads
        self._pictures = pictures
        self._timings = timings

    async def settle(self, ask: Ask) -> Examined:
        """The rules and the language that hold for a request, without looking at it."""
        rules = await self._community.rules.read(server(ask.guild)) if ask.guild is not None else Rules()
        channel, message = ask.target or (ask.channel, None)
        return Examined(rules, rules.language or ask.locale, author=ask.author, link=link(ask.guild, channel, message))

    async def examine(self, ask: Ask, until: float) -> Examined:
        """All pictures of a request. Raises TryLater when Candid is closing, else only what the network does."""
        found = await self.settle(ask)
        if ask.refusal:
            return replace(found, sentence=say(ask.refusal, found.language))
        sources, author = ask.sources, ask.author
        if sources is None:
            sources, author = await self._look_up(ask, until)
            found = replace(found, author=author)
        own = None if ask.automatic else ask.user  # whoever asks about the own picture has wanted it
        if author not in (None, own) and await self._community.members.opted_out(person(author or 0)):
            return replace(found, sentence=say("community.they-opted-out", found.language))
        if not sources:
            return replace(found, sentence=say("discord.no_picture", found.language))
        looked = sources[: min(self._checks.per_message, MOST)]
        judging = [self._judge(ask, found, source, until) for source in looked]
        results = await asyncio.gather(*judging, return_exceptions=True)
        items: list[Item] = []
        for result in results:
            if isinstance(result, BaseException):
                raise result
            items.append(result)
        return replace(found, items=tuple(items), left_out=len(sources) - len(looked))

    async def _judge(self, ask: Ask, found: Examined, source: Source, until: float) -> Item:
        renewed = False
        try:
            if ask.guild is not None:
                await self._community.quotas.take(server(ask.guild), person(ask.user), found.rules)
        except Refusal as refusal:
            return Item(source.name, refused(refusal, found.language))
        while True:
            try:
                return Item(source.name, await self._check(ask, found.rules, source))
            except Refusal as refusal:
                return Item(source.name, refused(refusal, found.language))
            except Gone:
                again = () if renewed or ask.target is None else (await self._look_up(ask, until))[0]
                fresh = next((other for other in again if other.place == source.place), None)
                if fresh is None:
                    return Item(source.name, say("discord.gone", found.language))
                source, renewed = fresh, True
            except TryLater as later:
                if self.closing:
                    raise
                if not ask.automatic or time.time() + later.seconds > until:
                    return Item(source.name, refused(later, found.language))
                await asyncio.sleep(later.seconds)  # nobody is waiting for an automatic check

    async def _check(self, ask: Ask, rules: Rules, source: Source) -> Verdict:
        if source.animation:
            raise Refusal("lottie", say("discord.lottie"), "discord.lottie")
        async with self._downloads.bytes_of(source) as data:
            picture = Picture(data, source.arrival)
            if ask.automatic:
                verdict = await self._checker.check(picture, ask.asker, Lane.AUTOMATIC)
            else:
                verdict = await self._checker.check(picture, ask.asker)
        if ask.target is None:
            self._pictures.remember(verdict.sha256, source, ask.user)
        return at(verdict, self._checker.model, rules.sensitivity)

    async def _look_up(self, ask: Ask, until: float) -> tuple[tuple[Source, ...], int | None]:
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
            return (), None
        return self._finder.find(found, not ask.automatic), author_of(found)
