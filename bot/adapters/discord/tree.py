"""The commands, with what Discord shows of them in the languages that there are."""

from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.app_commands import locale_str

from bot import trail
from bot.adapters.discord.here import Interaction
from bot.wording import DEFAULT, say, spoken

if TYPE_CHECKING:
    from bot.adapters.discord.client import CandidClient

EVERYWHERE = app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=True)
ANY_INSTALL = app_commands.AppInstallationType(guild=True, user=True)
MOST_NAME, MOST_DESCRIPTION = 32, 100  # characters
MINE = ("privacy", "export", "forget", "optout", "optin")


class Tree(app_commands.CommandTree["CandidClient"]):
    """`/check`, `/candid …` and the message menu."""

    def __init__(self, client: "CandidClient") -> None:
        super().__init__(client, allowed_contexts=EVERYWHERE, allowed_installs=ANY_INSTALL)
        group = app_commands.Group(name="candid", description=_words("candid"))
        counter = client.counter

        @self.context_menu(name=_words("menu"))
        async def menu(interaction: Interaction, message: discord.Message) -> None:
            await counter.front.check_message(interaction, message)

        @self.command(name="check", description=_words("check"))
        @app_commands.describe(image=_words("image"))
        async def check(interaction: Interaction, image: discord.Attachment) -> None:
            await counter.front.check_file(interaction, image)

        @group.command(name="about", description=_words("about"))
        async def about(interaction: Interaction) -> None:
            await counter.front.about(interaction)

        @group.command(name="settings", description=_words("settings"))
        async def settings(interaction: Interaction) -> None:
            await counter.settings.open(interaction)

        for action in MINE:
            self._add(group, action, client)
        self.add_command(group)

    def _add(self, group: app_commands.Group, action: str, client: "CandidClient") -> None:
        @group.command(name=action, description=_words(action))
        async def act(interaction: Interaction) -> None:
            await client.counter.privacy.act(interaction, action)

    def only_in_servers(self) -> None:
        """Where the application may not be installed by people for themselves."""
        self.allowed_installs = app_commands.AppInstallationType(guild=True, user=False)
        self.allowed_contexts = app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=False)

    async def interaction_check(self, interaction: "discord.Interaction[CandidClient]", /) -> bool:
        """A command was used; everybody may. (discord.py asks this in the task that it makes for each.)"""
        trail.begin(f"discord/interaction/{interaction.id}")
        return True

    async def on_error(self, interaction: "discord.Interaction[CandidClient]", error: Exception, /) -> None:
        """A bug in a command: number it and say the number."""
        await self.client.counter.responses.bug(interaction, error.__cause__ or error)


class Translator(app_commands.Translator):
    """What Discord shows of the commands, in the languages that Candid speaks."""

    async def translate(
        self, string: locale_str, locale: discord.Locale, context: app_commands.TranslationContextTypes
    ) -> str | None:
        """None where Candid has no words of its own."""
        key, language = string.extras.get("key"), spoken(str(locale))
        if key is None or language == DEFAULT:
            return None
        menu = context.location is app_commands.TranslationContextLocation.command_name
        return say(key, language)[: MOST_NAME if menu else MOST_DESCRIPTION]


def _words(what: str) -> locale_str:
    key = f"discord.command.{what}"
    return locale_str(say(key), key=key)
