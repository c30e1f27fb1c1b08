"""discord.py's client as Candid uses it: few intents, small caches, no event that can end it."""

import logging
from collections.abc import Callable
from typing import Any

import discord
from discord import app_commands

from bot.adapters.discord.buttons import ITEMS, reported_text
from bot.adapters.discord.desk import Desk
from bot.adapters.discord.front import Front, server
from bot.adapters.discord.responses import Responses
from bot.adapters.discord.sources import Finder
from bot.adapters.discord.talk import read
from bot.community import Community
from bot.wording import say

log = logging.getLogger(__name__)

discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False  # nobody talks here

EVERYWHERE = app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=True)
ANY_INSTALL = app_commands.AppInstallationType(guild=True, user=True)


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
        desk: Desk,
        front: Front,
        responses: Responses,
        community: Community,
        finder: Finder,
        language: str,
        changed: Callable[[str], None],
        logged_in: Callable[["CandidClient"], None],
    ) -> None:
        super().__init__(
            intents=intents(content),
            max_messages=None,
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            allowed_mentions=discord.AllowedMentions.none(),
            max_ratelimit_timeout=60.0,
        )
        self.content = content
        self.desk = desk
        self.front = front
        self.responses = responses
        self._community = community
        self._finder = finder
        self._changed = changed
        self._logged_in = logged_in
        self.tree = Tree(self, language)
        self._guard_events()

    def _guard_events(self) -> None:
        """discord.py ends the client at an event that it can't read; skip that event instead."""
        parsers = self._connection.parsers
        for event in parsers:
            if event not in ("READY", "RESUMED"):
                parsers[event] = _guarded(event, parsers[event])

    async def setup_hook(self) -> None:
        """Logged in; the gateway comes next. (on_ready repeats, this doesn't.)"""
        self.add_dynamic_items(*ITEMS)
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
        if self.user is None or message.author.bot:
            return
        ask = read(message, self.user, self._finder, await self._automatic(message))
        if ask is not None:
            await self.desk.take(ask)

    async def on_interaction(self, interaction: discord.Interaction[Any]) -> None:
        """Forms only: discord.py handles commands, buttons and menus itself, but forgets open forms in a restart."""
        form = reported_text(interaction)
        if form is not None:
            await self.front.report(interaction, *form)

    async def _automatic(self, message: discord.Message) -> bool:
        if not self.content or message.guild is None:
            return False
        if not (message.attachments or message.embeds or message.stickers or message.message_snapshots):
            return False
        rules = await self._community.rules.read(server(message.guild.id))
        channel = message.channel
        places = [channel.id, channel.parent_id] if isinstance(channel, discord.Thread) else [channel.id]
        return rules.automatic(*map(str, places))


class Tree(app_commands.CommandTree[CandidClient]):
    """The commands."""

    def __init__(self, client: CandidClient, language: str) -> None:
        super().__init__(client, allowed_contexts=EVERYWHERE, allowed_installs=ANY_INSTALL)
        Interaction = discord.Interaction[CandidClient]
        group = app_commands.Group(name="candid", description=say("discord.command.candid", language))

        @self.context_menu(name=say("discord.command.menu", language))
        async def menu(interaction: Interaction, message: discord.Message) -> None:
            await client.front.check_message(interaction, message)

        @self.command(name="check", description=say("discord.command.check", language))
        @app_commands.describe(image=say("discord.command.image", language))
        async def check(interaction: Interaction, image: discord.Attachment) -> None:
            await client.front.check_file(interaction, image)

        @group.command(name="about", description=say("discord.command.about", language))
        async def about(interaction: Interaction) -> None:
            await client.front.about(interaction)

        @group.command(name="settings", description=say("discord.command.settings", language))
        async def settings(interaction: Interaction) -> None:
            await client.front.settings(interaction, client.content)

        self.add_command(group)

    def only_in_servers(self) -> None:
        """Where the application may not be installed by people for themselves."""
        self.allowed_installs = app_commands.AppInstallationType(guild=True, user=False)
        self.allowed_contexts = app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=False)

    async def on_error(self, interaction: discord.Interaction[CandidClient], error: Exception, /) -> None:
        """A bug in a command: number it and say the number."""
        await self.client.responses.bug(interaction, error.__cause__ or error)


def _guarded(event: str, parse: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def guarded(data: Any) -> None:
        try:
            parse(data)
        except Exception:
            log.exception("Discord sent a %s event that can't be read; it is skipped.", event)

    return guarded
