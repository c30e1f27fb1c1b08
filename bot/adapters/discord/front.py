"""Where the commands come in that ask for a check, or about Candid."""

import logging

import discord

from bot.adapters.discord.answer import Answer, sentence
from bot.adapters.discord.asks import of_interaction
from bot.adapters.discord.desk import Desk
from bot.adapters.discord.here import Here, Interaction, author_of, here, may_ask, person
from bot.adapters.discord.responses import Responses
from bot.adapters.discord.sources import Finder, Source, of_attachment
from bot.community import Audience, Community
from bot.core import Checker
from bot.wording import about, say

log = logging.getLogger(__name__)


class Front:
    """Takes the message menu, `/check` and `/candid about`."""

    def __init__(
        self, desk: Desk, checker: Checker, community: Community, responses: Responses, finder: Finder
    ) -> None:
        self._desk = desk
        self._checker = checker
        self._community = community
        self._responses = responses
        self._finder = finder

    async def check_file(self, interaction: Interaction, attachment: discord.Attachment) -> None:
        """`/check image:`"""
        place = await here(self._community, interaction)
        await self._check(interaction, place, (of_attachment(attachment),), None)

    async def check_message(self, interaction: Interaction, message: discord.Message) -> None:
        """The message menu."""
        place = await here(self._community, interaction)
        found = self._finder.find(message, asked=True)
        author = author_of(message)
        if not found:
            await self._responses.sentence(interaction, say("discord.no_picture", place.language))
        elif author not in (None, interaction.user.id) and await self._community.members.opted_out(person(author or 0)):
            await self._responses.sentence(interaction, say("community.they-opted-out", place.language))
        else:
            await self._check(interaction, place, found, message)

    async def about(self, interaction: Interaction) -> None:
        """Model, bands, honesty, privacy."""
        language = (await here(self._community, interaction)).language

        async def make() -> Answer:
            how = say("discord.how_to_ask", language)
            return sentence("\n".join((about(self._checker.model, language), how)))

        await self._responses.quietly(interaction, make)

    async def _check(
        self, interaction: Interaction, place: Here, found: tuple[Source, ...], message: discord.Message | None
    ) -> None:
        if not may_ask(place.rules, interaction.user, interaction.permissions):
            await self._responses.sentence(interaction, say("discord.not_allowed", place.language))
            return
        private = place.rules.audience is Audience.ASKER
        ask = of_interaction(interaction, found, message, guild=place.guild, private=private)
        await self._desk.take(ask, self._responses.acknowledge(interaction, ephemeral=private))
