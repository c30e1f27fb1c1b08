"""The moderators' buttons below a case. Who may press them is looked at when they are pressed."""

import logging
from dataclasses import replace

from bot.adapters.discord.answer import Answer, sentence
from bot.adapters.discord.controls import Press
from bot.adapters.discord.here import Here, Interaction, here, person
from bot.adapters.discord.log_channel import LogChannel
from bot.adapters.discord.responses import Responses
from bot.community import Case, Community, Decision
from bot.errors import Refusal
from bot.verdict import Label
from bot.wording import refused, say

log = logging.getLogger(__name__)


class Moderation:
    """Looks right, Wrong, Ignore this member's appeal. Whatever is pressed, nobody is punished."""

    def __init__(self, community: Community, log_channel: LogChannel, responses: Responses) -> None:
        self._community = community
        self._log_channel = log_channel
        self._responses = responses

    async def pressed(self, interaction: Interaction, press: Press) -> None:
        """ "case:<decision>:<id>": the id means something only in the server that the case is of."""
        place = await here(self._community, interaction)
        may = interaction.permissions.manage_messages or interaction.permissions.manage_guild
        if place.guild is None or not may:
            await self._responses.sentence(interaction, say("discord.case.refused", place.language))
            return
        decision, id = Decision(press.parts[0]), int(press.parts[1])
        await self._responses.quietly(interaction, lambda: self._decide(interaction, place, decision, id), update=True)

    async def _decide(self, interaction: Interaction, place: Here, decision: Decision, id: int) -> Answer:
        by = person(interaction.user.id)
        try:
            case = await self._community.cases.decide(place.server, id, by, decision, review=place.rules.review)
        except Refusal as refusal:
            return sentence(refused(refusal, place.language), aside=True)
        log.info("Discord: case %d of %s: %s, says %s.", id, place.server, decision, by)
        await self._vote(place, case, by, decision)
        drawn = await self._log_channel.drawn(case, place.rules, place.language)
        return replace(drawn, aside=False)

    async def _vote(self, place: Here, case: Case, by: str, decision: Decision) -> None:
        """A decision is also a vote on what the picture is."""
        if decision is Decision.IGNORED or case.label is Label.UNSURE or by == case.author:
            return
        says_ai = (case.label is Label.AI) == (decision is Decision.RIGHT)
        await self._community.review.vote(place.server, case.sha256, by, says_ai)
