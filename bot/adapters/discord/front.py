"""Where commands, buttons and forms come in."""

import logging
from typing import Any

import discord

from bot.adapters.discord.answer import Answer, sentence
from bot.adapters.discord.asks import of_interaction
from bot.adapters.discord.buttons import channel_menu, report_form
from bot.adapters.discord.desk import Desk
from bot.adapters.discord.post import missing
from bot.adapters.discord.responses import Responses
from bot.adapters.discord.sources import Finder, of_attachment
from bot.community import Community
from bot.core import Asker, Checker
from bot.wording import about, say, why

log = logging.getLogger(__name__)

Interaction = discord.Interaction[Any]


def server(guild: int) -> str:
    """The store's name of a server."""
    return f"discord:{guild}"


class Front:
    """Takes interactions. `content` (a parameter) says whether the bot has the message_content intent now."""

    def __init__(
        self,
        desk: Desk,
        checker: Checker,
        community: Community,
        responses: Responses,
        finder: Finder,
        language: str,
    ) -> None:
        self._desk = desk
        self._checker = checker
        self._community = community
        self._responses = responses
        self._finder = finder
        self._language = language

    async def check_file(self, interaction: Interaction, attachment: discord.Attachment) -> None:
        """`/check image:`"""
        ask = of_interaction(interaction, (of_attachment(attachment),), None)
        await self._desk.take(ask, self._responses.acknowledge(interaction))

    async def check_message(self, interaction: Interaction, message: discord.Message) -> None:
        """The message menu."""
        found = self._finder.find(message, asked=True)
        if not found:
            await self._responses.sentence(interaction, "discord.no_picture")
            return
        await self._desk.take(of_interaction(interaction, found, message), self._responses.acknowledge(interaction))

    async def why(self, interaction: Interaction, sha: str) -> None:
        """The bands and the scores of the views, for this person only."""

        async def make() -> Answer:
            verdict = await self._checker.recall(sha)
            return sentence(
                say("discord.forgotten", self._language) if verdict is None else why(verdict, self._language)
            )

        await self._responses.quietly(interaction, make)

    async def open_report(self, interaction: Interaction, sha: str) -> None:
        """The form "what is wrong?"."""
        await self._responses.first(lambda: interaction.response.send_modal(report_form(sha, self._language)))

    async def report(self, interaction: Interaction, sha: str, says: str) -> None:
        """The form came back."""

        async def make() -> Answer:
            if await self._checker.recall(sha) is None:
                return sentence(say("discord.forgotten", self._language))
            asker = Asker(f"discord:{self._chat(interaction)}", f"discord:user/{interaction.user.id}")
            first = await self._checker.report(sha, asker, says)
            return sentence(say("discord.reported" if first else "discord.reported_before", self._language))

        await self._responses.quietly(interaction, make)

    async def about(self, interaction: Interaction) -> None:
        """Model, bands, honesty, privacy."""

        async def make() -> Answer:
            how = say("discord.how_to_ask", self._language)
            return sentence("\n".join((about(self._checker.model, self._language), how)))

        await self._responses.quietly(interaction, make)

    async def settings(self, interaction: Interaction, content: bool) -> None:
        """The settings of this server, for those who may manage it."""
        await self._responses.quietly(interaction, lambda: self._settings(interaction, content))

    async def change_channels(self, interaction: Interaction, chosen: list[int], content: bool) -> None:
        """The menu of channels was used; whether the person may is looked at again, now."""
        guild = interaction.guild_id
        if guild is None or not interaction.permissions.manage_guild:
            await self._responses.sentence(interaction, "discord.settings_refused")
            return

        async def make() -> Answer:
            by = f"discord:user/{interaction.user.id}"
            await self._community.rules.change(server(guild), by, channels=[str(channel) for channel in chosen])
            log.info("Discord: %s set the automatic channels of server %d to %s.", by, guild, chosen)
            return await self._settings(interaction, content)

        await self._responses.quietly(interaction, make, update=True)

    async def _settings(self, interaction: Interaction, content: bool) -> Answer:
        guild = interaction.client.get_guild(interaction.guild_id or 0)
        if guild is None:
            return sentence(say("discord.settings_elsewhere", self._language))
        if not interaction.permissions.manage_guild:
            return sentence(say("discord.settings_refused", self._language))
        rules = await self._community.rules.read(server(guild.id))
        chosen = [int(one) for one in rules.channels if one.isdecimal() and guild.get_channel(int(one)) is not None]
        channels = ", ".join(f"<#{channel}>" for channel in chosen)
        lines = [
            say("discord.settings_title", self._language),
            say("discord.automatic_in", self._language, channels=channels)
            if chosen
            else say("discord.automatic_nowhere", self._language),
        ]
        if not content:
            lines.append(say("discord.intent_missing", self._language))
        for channel in chosen:
            lacking = missing(guild.get_channel(channel))
            if lacking:
                names = ", ".join(lacking)
                lines.append(say("discord.permission_missing", self._language, channel=f"<#{channel}>", names=names))
        return Answer(content="\n".join(lines)[:2000], components=channel_menu(chosen, self._language))

    def _chat(self, interaction: Interaction) -> str:
        return f"guild/{interaction.guild_id}" if interaction.guild_id else f"channel/{interaction.channel_id}"
