"""What the members of a server are told about review: that it begins, or has ended. Nobody is mentioned."""

import time

from bot.adapters.discord.here import Here, Interaction
from bot.adapters.discord.log_channel import LogChannel
from bot.community import EVERYWHERE, Community, Rules
from bot.wording import say

SECONDS = 60.0
MOST = 10  # channels


class Announcements:
    """Posts where members are, and in the log channel for the moderators."""

    def __init__(self, community: Community, log_channel: LogChannel) -> None:
        self._community = community
        self._log_channel = log_channel

    async def review(self, interaction: Interaction, place: Here, rules: Rules) -> list[str]:
        """Tell whether review is on now: the channels where members can read it, for the log channel is none. May be empty."""
        days = self._community.review.keep_days
        on, off = say("discord.review_begins", place.language, days=days), say("community.review-off", place.language)
        text, here = on if rules.review else off, str(interaction.channel_id)
        guild = interaction.client.get_guild(place.guild or 0)
        general = [str(guild.system_channel.id)] if guild is not None and guild.system_channel is not None else []
        wanted = [one for one in dict.fromkeys([*general, *rules.channels]) if one != EVERYWHERE][:MOST]
        told = [one for one in wanted if await self._say(interaction, place, one, text)]
        if not told and here not in (rules.log_channel, *wanted) and await self._say(interaction, place, here, text):
            told = [here]
        if told and rules.log_channel is not None and rules.log_channel not in told:
            await self._say(interaction, place, rules.log_channel, text)
        return told

    async def _say(self, interaction: Interaction, place: Here, channel: str, text: str) -> bool:
        guild = interaction.client.get_guild(place.guild or 0)
        if guild is None or guild.get_channel_or_thread(int(channel)) is None:
            return False
        until = time.time() + SECONDS
        return await self._log_channel.send(guild.id, int(channel), {"content": text}, until) is not None
