"""Why: the reasons of a verdict for whoever asks, with the heat map if the picture is still where it was posted."""

from dataclasses import replace

import discord

from bot.adapters.discord.answer import COLOURS, Answer, harmless, sentence
from bot.adapters.discord.controls import Press
from bot.adapters.discord.files import File
from bot.adapters.discord.here import Here, Interaction, asked, asker, person
from bot.adapters.discord.pictures import Pictures
from bot.adapters.discord.responses import Responses
from bot.community import Community
from bot.core import Checker, Picture
from bot.errors import Refusal, TryLater
from bot.explanation import CONTENT_TYPE
from bot.record import record
from bot.sensitivity import at
from bot.verdict import Arrival, Verdict
from bot.wording import in_language, refused, say, why, words

MOST_WORDS = 4096
NAME = "why.png"


class Reasons:
    """Answers the button "Why?"."""

    def __init__(self, checker: Checker, community: Community, pictures: Pictures, responses: Responses) -> None:
        self._checker = checker
        self._community = community
        self._pictures = pictures
        self._responses = responses

    async def pressed(self, interaction: Interaction, press: Press) -> None:
        """ "why:<hash>", or chosen in a menu."""
        place = await asked(self._community, interaction)
        await self._responses.quietly(interaction, lambda: self._answer(interaction, place, press.sha))

    async def _answer(self, interaction: Interaction, place: Here, sha: str) -> Answer:
        drawn: tuple[bytes, Arrival] | None = None
        try:
            drawn = await self._draw(interaction, place, sha)
            note = say("discord.why_map" if drawn else "discord.why_gone", place.language)
        except (Refusal, TryLater) as error:
            note = refused(error, place.language)
        verdict = await self._checker.recall(sha)  # now: the drawing may have renewed it by another model
        if verdict is None:
            return sentence(say("discord.forgotten", place.language))
        known = None
        if drawn is not None:
            verdict = replace(verdict, arrival=drawn[1])
        verdict = at(verdict, self._checker.model, place.rules.sensitivity)
        if drawn is not None:  # else nobody knows how it came, and what that does to the figures
            known = record(verdict, self._checker.model)
        text = why(_harmless(verdict, place.language), place.language, known)
        said = words(verdict, place.language)
        embed = discord.Embed(title=f"{said.symbol} {said.title}", colour=COLOURS[verdict.label])
        embed.description = f"{text[: MOST_WORDS - len(note) - 2]}\n\n{note}"
        if drawn is None:
            return Answer((embed,))
        file = File(NAME, CONTENT_TYPE, drawn[0], say("discord.why_alt", place.language, title=said.title))
        return Answer((embed.set_image(url=f"attachment://{NAME}"),), file=file)

    async def _draw(self, interaction: Interaction, place: Here, sha: str) -> tuple[bytes, Arrival] | None:
        """The heat map, and how the picture came. None if the picture is gone. Raises Refusal and TryLater."""
        user = interaction.user.id
        by = asker(interaction.guild_id, interaction.channel_id, user)
        await self._checker.admit(by)  # before anything is fetched
        async with self._pictures.of(interaction.message, sha) as found:
            if found is None:
                return None
            theirs = found.author is not None and found.author != user
            if theirs and await self._community.members.opted_out(person(found.author or 0)):
                raise Refusal("opted-out", say("community.they-opted-out"), "community.they-opted-out")
            if place.guild is not None:
                await self._community.quotas.take(place.server, person(user), place.rules)
            picture = Picture(found.data, found.arrival)
            png = await self._checker.explain(picture, by, place.language, one_in=place.rules.sensitivity)
            return png, found.arrival


def _harmless(verdict: Verdict, language: str) -> Verdict:
    """What the file says, as plain text: nobody is mentioned, nothing becomes a link."""
    said = in_language(verdict, language).evidence
    return replace(verdict, evidence=tuple(replace(one, says=harmless(one.says, 300), phrases=()) for one in said))
