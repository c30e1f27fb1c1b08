"""Commands, buttons and forms: acknowledged at once, answered when the answer is there."""

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import discord

from bot.adapters.discord.answer import Answer, sentence
from bot.adapters.discord.asks import of_interaction
from bot.adapters.discord.buttons import channel_menu, report_form
from bot.adapters.discord.delivery import Delivery, Revoked, Stale
from bot.adapters.discord.desk import Desk
from bot.adapters.discord.post import missing, original
from bot.adapters.discord.sources import Finder, of_attachment
from bot.adapters.discord.timings import Timings
from bot.core import Asker, Checker
from bot.store import Store
from bot.wording import about, say, why

log = logging.getLogger(__name__)

Interaction = discord.Interaction[Any]
AUTOMATIC = "automatic_channels"
ALREADY_ACKNOWLEDGED = 40060
PAUSES = (0.1, 0.2, 0.4, 0.8, 1.0)


def server(guild: int) -> str:
    """The store's name of a server."""
    return f"discord:{guild}"


class Front:
    """Takes interactions. `content` (a parameter) says whether the bot has the message_content intent now."""

    def __init__(
        self,
        desk: Desk,
        checker: Checker,
        store: Store,
        delivery: Delivery,
        finder: Finder,
        timings: Timings,
        language: str,
    ) -> None:
        self._desk = desk
        self._checker = checker
        self._store = store
        self._delivery = delivery
        self._finder = finder
        self._timings = timings
        self._language = language

    async def check_file(self, interaction: Interaction, attachment: discord.Attachment) -> None:
        """`/check image:`"""
        ask = of_interaction(interaction, (of_attachment(attachment),), None)
        await self._desk.take(ask, self._acknowledge(interaction))

    async def check_message(self, interaction: Interaction, message: discord.Message) -> None:
        """The message menu."""
        found = self._finder.find(message, asked=True)
        if not found:
            await self._say(interaction, "discord.no_picture")
            return
        await self._desk.take(of_interaction(interaction, found, message), self._acknowledge(interaction))

    async def why(self, interaction: Interaction, sha: str) -> None:
        """The bands and the scores of the views, for this person only."""

        async def make() -> Answer:
            verdict = await self._checker.recall(sha)
            return sentence(
                say("discord.forgotten", self._language) if verdict is None else why(verdict, self._language)
            )

        await self._quietly(interaction, make)

    async def open_report(self, interaction: Interaction, sha: str) -> None:
        """The form "what is wrong?"."""
        await self._first(interaction, lambda: interaction.response.send_modal(report_form(sha, self._language)))

    async def report(self, interaction: Interaction, sha: str, says: str) -> None:
        """The form came back."""

        async def make() -> Answer:
            if await self._checker.recall(sha) is None:
                return sentence(say("discord.forgotten", self._language))
            asker = Asker(f"discord:{self._chat(interaction)}", f"discord:user/{interaction.user.id}")
            first = await self._checker.report(sha, asker, says)
            return sentence(say("discord.reported" if first else "discord.reported_before", self._language))

        await self._quietly(interaction, make)

    async def about(self, interaction: Interaction) -> None:
        """Model, bands, honesty, privacy."""

        async def make() -> Answer:
            how = say("discord.how_to_ask", self._language)
            return sentence("\n".join((about(self._checker.model, self._language), how)))

        await self._quietly(interaction, make)

    async def settings(self, interaction: Interaction, content: bool) -> None:
        """The settings of this server, for those who may manage it."""
        await self._quietly(interaction, lambda: self._settings(interaction, content))

    async def change_channels(self, interaction: Interaction, chosen: list[int], content: bool) -> None:
        """The menu of channels was used; whether the person may is looked at again, now."""
        guild = interaction.guild_id
        if guild is None or not interaction.permissions.manage_guild:
            await self._say(interaction, "discord.settings_refused")
            return

        async def make() -> Answer:
            by = f"discord:user/{interaction.user.id}"
            await self._store.change_setting(server(guild), AUTOMATIC, list(chosen), by)
            log.info("Discord: %s set the automatic channels of server %d to %s.", by, guild, chosen)
            return await self._settings(interaction, content)

        await self._quietly(interaction, make, update=True)

    async def _settings(self, interaction: Interaction, content: bool) -> Answer:
        guild = interaction.client.get_guild(interaction.guild_id or 0)
        if guild is None:
            return sentence(say("discord.settings_elsewhere", self._language))
        if not interaction.permissions.manage_guild:
            return sentence(say("discord.settings_refused", self._language))
        kept = await self._store.setting(server(guild.id), AUTOMATIC, list[int]())
        chosen = [channel for channel in kept if guild.get_channel(channel) is not None]
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

    async def _say(self, interaction: Interaction, key: str) -> None:
        async def make() -> Answer:
            return sentence(say(key, self._language))

        await self._quietly(interaction, make)

    async def _quietly(
        self, interaction: Interaction, make: Callable[[], Awaitable[Answer]], *, update: bool = False
    ) -> None:
        """Answer for this person only; or, with `update`, change the message that the menu is on."""
        if not await self._acknowledge(interaction, ephemeral=True, update=update):
            return
        until = time.time() + self._timings.tell_seconds
        try:
            answer = await make()
        except Exception:
            answer = self.bug(interaction)
        try:
            await self._delivery.call(until, original(interaction.application_id, interaction.token), answer.body())
        except (Stale, Revoked, discord.HTTPException) as error:
            log.warning("Discord: an answer to a button or command was lost: %s", type(error).__name__)

    def bug(self, interaction: Interaction) -> Answer:
        """Log the exception of the moment under a number, and say the number."""
        number = secrets.token_hex(4)
        log.exception("Discord: error %s in an interaction of type %s", number, interaction.type.name)
        return sentence(say("error", self._language, id=number))

    async def tell_bug(self, interaction: Interaction, answer: Answer) -> None:
        """Say that number to whoever ran into the bug, wherever the interaction stands."""

        async def make() -> Answer:
            return answer

        await self._quietly(interaction, make)

    async def _acknowledge(self, interaction: Interaction, *, ephemeral: bool = False, update: bool = False) -> bool:
        """The first response, which must come within 3 s. False if it didn't."""
        response = interaction.response
        return await self._first(interaction, lambda: response.defer(ephemeral=ephemeral, thinking=not update))

    async def _first(self, interaction: Interaction, respond: Callable[[], Awaitable[object]]) -> bool:
        try:
            async with asyncio.timeout(self._timings.ack_seconds):
                for pause in PAUSES:
                    try:
                        await respond()
                        return True
                    except discord.InteractionResponded:
                        return True
                    except discord.HTTPException as error:
                        if error.code == ALREADY_ACKNOWLEDGED:  # by an attempt whose answer got lost
                            return True
                        if error.status != 429 and error.status < 500:
                            log.warning("Discord: an interaction could not be acknowledged: %s", error.text)
                            return False
                    except (aiohttp.ClientError, OSError) as error:
                        log.info("Discord can't be reached (%s); acknowledging again.", type(error).__name__)
                    await asyncio.sleep(pause)
        except TimeoutError:
            log.warning("Discord: an interaction could not be acknowledged in time.")
        return False
