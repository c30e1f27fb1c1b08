"""What members say to a verdict: a report ("Wrong?") by anybody, an appeal by whoever posted the flagged picture."""

from dataclasses import replace

from bot.adapters.discord.answer import Answer, sentence
from bot.adapters.discord.controls import LONGEST_TEXT, Press, field, form
from bot.adapters.discord.here import Here, Interaction, asked, asker, person
from bot.adapters.discord.log_channel import LogChannel
from bot.adapters.discord.pictures import Found, Pictures
from bot.adapters.discord.responses import Responses
from bot.community import Community
from bot.core import Asker, Checker
from bot.errors import Refusal, TryLater
from bot.sensitivity import at
from bot.verdict import Verdict
from bot.wording import refused, say


class Objections:
    """Opens the forms and takes them back."""

    def __init__(
        self,
        checker: Checker,
        community: Community,
        pictures: Pictures,
        log_channel: LogChannel,
        responses: Responses,
    ) -> None:
        self._checker = checker
        self._community = community
        self._pictures = pictures
        self._log_channel = log_channel
        self._responses = responses

    async def wrong(self, interaction: Interaction, press: Press) -> None:
        """ "wrong": asks what is wrong, if this person may still report today."""
        language = (await asked(self._community, interaction)).language
        try:
            await self._checker.admit_report(_asker(interaction))
        except Refusal as refusal:
            await self._responses.sentence(interaction, refused(refusal, language))
            return
        box = field(say("discord.form_label", language), say("discord.form_hint", language), long=True)
        await self._responses.form(interaction, form(f"report:{press.sha}", say("discord.form_title", language), box))

    async def report(self, interaction: Interaction, press: Press) -> None:
        """ "report": the form came back."""
        place = await asked(self._community, interaction)
        text = "".join(press.texts[:1])[:LONGEST_TEXT]
        await self._responses.quietly(interaction, lambda: self._report(interaction, place, press.sha, text))

    async def appeal(self, interaction: Interaction, press: Press) -> None:
        """ "appeal": asks why, if this person may appeal."""
        place = await asked(self._community, interaction)
        if place.guild is None or not place.rules.appealable:
            await self._responses.sentence(interaction, say("discord.no_appeals", place.language))
            return
        try:
            await self._community.cases.appealable(place.server, press.sha, person(interaction.user.id))
        except Refusal as refusal:
            await self._responses.sentence(interaction, refused(refusal, place.language))
            return
        label, hint = say("discord.appeal_label", place.language), say("discord.appeal_hint", place.language)
        title = say("discord.appeal_title", place.language)
        await self._responses.form(interaction, form(f"appealed:{press.sha}", title, field(label, hint, long=True)))

    async def appealed(self, interaction: Interaction, press: Press) -> None:
        """ "appealed": the form came back."""
        place = await asked(self._community, interaction)
        text = "".join(press.texts[:1])[:LONGEST_TEXT]
        await self._responses.quietly(interaction, lambda: self._appeal(interaction, place, press.sha, text))

    async def _report(self, interaction: Interaction, place: Here, sha: str, text: str) -> Answer:
        verdict = await self._checker.recall(sha)
        if verdict is None:
            return sentence(say("discord.forgotten", place.language))
        try:
            new = await self._checker.report(sha, _asker(interaction), text)
        except Refusal as refusal:
            return sentence(refused(refusal, place.language))
        if not new:
            return sentence(say("discord.reported_before", place.language))
        kept = await self._hand_on(interaction, place, verdict)
        return sentence(say("discord.reported_kept" if kept else "discord.reported", place.language))

    async def _hand_on(self, interaction: Interaction, place: Here, verdict: Verdict) -> bool:
        """A report reaches the moderators as a case, and the review, where the server has them; was the picture kept?"""
        if place.guild is None or not (place.rules.log_channel or place.rules.review):
            return False
        try:
            async with self._pictures.of(interaction.message, verdict.sha256[:32]) as found:
                if found is None or found.author is None or found.link is None:
                    return False
                if await self._community.members.opted_out(person(found.author)):
                    return False
                verdict = at(replace(verdict, arrival=found.arrival), self._checker.model, place.rules.sensitivity)
                kept = await self._keep(interaction, place, found, verdict, found.author)
                if place.rules.log_channel is not None:
                    case = await self._log_channel.case(place.guild, verdict, found.author, found.link)
                    if case.log_message is None:
                        await self._log_channel.show(case, place.rules, place.language)
                return kept
        except TryLater:
            return False

    async def _keep(self, interaction: Interaction, place: Here, found: Found, verdict: Verdict, author: int) -> bool:
        by, of = person(interaction.user.id), person(author)
        return await self._community.review.keep(place.server, found.data, verdict, of, by, "report", place.rules)

    async def _appeal(self, interaction: Interaction, place: Here, sha: str, text: str) -> Answer:
        by = person(interaction.user.id)
        if place.guild is None or not place.rules.appealable:
            return sentence(say("discord.no_appeals", place.language))
        try:
            case = await self._community.cases.appeal(place.server, sha, by, text)
        except Refusal as refusal:
            return sentence(refused(refusal, place.language))
        shown = await self._log_channel.appealed(case, place.rules, place.language)
        verdict = await self._checker.recall(sha)
        kept = False
        if verdict is not None and place.rules.review:
            try:
                async with self._pictures.of(interaction.message, sha) as found:
                    if found is not None:
                        kept = await self._community.review.keep(
                            place.server, found.data, verdict, by, by, "appeal", place.rules
                        )
            except TryLater:
                kept = False
        key = "discord.appeal_unseen" if not shown else "discord.appeal_kept" if kept else "discord.appeal_noted"
        return sentence(say(key, place.language))


def _asker(interaction: Interaction) -> Asker:
    return asker(interaction.guild_id, interaction.channel_id, interaction.user.id)
