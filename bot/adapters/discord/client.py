"""discord.py's client as Candid uses it: few intents, small caches, no event that can end it."""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import discord

from bot import trail
from bot.adapters.discord.asks import Ask
from bot.adapters.discord.controls import press
from bot.adapters.discord.counter import Counter
from bot.adapters.discord.here import author_of, may_ask, person, places, roles, server
from bot.adapters.discord.sources import Finder
from bot.adapters.discord.talk import read
from bot.adapters.discord.tree import Translator, Tree
from bot.community import Audience, Community, Mode

log = logging.getLogger(__name__)

YOUNG = timedelta(minutes=15)

discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False  # nobody talks here


def intents(content: bool) -> discord.Intents:
    """What Candid asks for. Only `message_content` is privileged."""
    wanted = discord.Intents.none()
    wanted.guilds = wanted.guild_messages = wanted.dm_messages = True
    wanted.message_content = content
    return wanted


class CandidClient(discord.Client):
    """One connection. `changed` is told how it goes: "running", or why not."""

    def __init__(
        self,
        *,
        content: bool,
        counter: Counter,
        community: Community,
        finder: Finder,
        changed: Callable[[str], None],
        logged_in: Callable[["CandidClient"], None],
        **options: Any,
    ) -> None:
        """`options` are those of discord.py's clients (bot.adapters.discord.shards has some)."""
        super().__init__(
            intents=intents(content),
            max_messages=None,
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            allowed_mentions=discord.AllowedMentions.none(),
            max_ratelimit_timeout=60.0,
            **options,
        )
        self.content = content
        self.counter = counter
        self._community = community
        self._finder = finder
        self._changed = changed
        self._logged_in = logged_in
        self.tree = Tree(self)
        self._guard_events()

    def _guard_events(self) -> None:
        """discord.py ends the client at an event that it can't read; skip that event instead."""
        parsers = self._connection.parsers
        for event in parsers:
            if event not in ("READY", "RESUMED"):
                parsers[event] = _guarded(event, parsers[event])

    async def setup_hook(self) -> None:
        """Logged in; the gateway comes next. (on_ready repeats, this doesn't.)"""
        await self.tree.set_translator(Translator())
        self._logged_in(self)

    async def on_connect(self) -> None:
        """A new session."""
        self._changed("running")

    async def on_resumed(self) -> None:
        """The session goes on."""
        self._changed("running")

    async def on_disconnect(self) -> None:
        """discord.py connects again by itself."""
        self._changed("waiting: connecting to Discord again")

    async def on_error(self, event_method: str, /, *args: Any, **kwargs: Any) -> None:
        """A bug in an event that nobody waits for an answer to."""
        log.exception("Discord: error in %s", event_method)

    async def on_message(self, message: discord.Message) -> None:
        """Somebody said something."""
        if self.user is None or author_of(message) is None:
            return
        await self._heed(message)

    async def on_raw_message_edit(self, event: discord.RawMessageUpdateEvent) -> None:
        """Somebody changed a message, or Discord put the picture of a link into it. What was asked already stays asked.

        Pins and the like come as such events too: they are for a young message only.
        """
        message = event.message
        if self.user is None or author_of(message) is None:
            return
        if message.guild is not None and not isinstance(message.author, discord.Member):  # no role of theirs is known
            return
        if discord.utils.utcnow() - message.created_at < YOUNG:
            await self._heed(message, edited=True)

    async def _heed(self, message: discord.Message, *, edited: bool = False) -> None:
        assert self.user is not None
        trail.begin(f"discord/message/{message.id}")
        automatic = await self._automatic(message)
        ask = read(message, self.user, self._finder, automatic)
        if ask is None or (edited and ask.sources == ()):  # no reason to explain anything again
            return
        await self.counter.desk.take(await self._permitted(message, ask, automatic))

    async def on_interaction(self, interaction: discord.Interaction[Any]) -> None:
        """Buttons, menus and forms. (discord.py hands commands to the tree, and would forget the rest in a restart.)"""
        used = press(interaction)
        if used is None:
            return
        trail.begin(f"discord/interaction/{interaction.id}")
        try:
            await self.counter.take(interaction, used)
        except Exception as error:
            await self.counter.responses.bug(interaction, error)

    async def _automatic(self, message: discord.Message) -> bool:
        if not self.content or message.guild is None:
            return False
        if not (message.attachments or message.embeds or message.stickers or message.message_snapshots):
            return False
        rules = await self._community.rules.read(server(message.guild.id))
        where, author = places(message.channel), person(message.author.id)
        if not rules.automatic(*where) or rules.exempt(author, roles(message.author), *where):
            return False
        return not await self._community.members.opted_out(author)

    async def _permitted(self, message: discord.Message, ask: Ask, automatic: bool) -> Ask:
        """The request as the server's rules have it, or one for the sentence that this person may not ask here.

        A picture that is checked automatically is checked also when somebody asks who may not: asking is no way around it.
        """
        if message.guild is None or ask.automatic or not isinstance(message.author, discord.Member):
            return ask
        rules = await self._community.rules.read(server(message.guild.id))
        own = automatic and bool(ask.sources) and ask.target == (message.channel.id, message.id)
        if may_ask(rules, message.author, message.author.guild_permissions):
            shown = own and rules.mode is not Mode.LOG  # to all, as an automatic check does it
            return replace(ask, private=rules.audience is Audience.ASKER and not shown)
        if own:
            return replace(ask, automatic=True)
        return replace(ask, refusal="discord.not_allowed")


def _guarded(event: str, parse: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def guarded(data: Any) -> None:
        try:
            parse(data)
        except Exception:
            log.exception("Discord sent a %s event that can't be read; it is skipped.", event)

    return guarded
