"""What is kept about whoever asks: said, shown as a file, erased; and the wish to be left alone. For that person only."""

import json
import logging
import time

from bot.adapters.discord.answer import Answer, sentence
from bot.adapters.discord.controls import Press, Style, button, row
from bot.adapters.discord.files import File
from bot.adapters.discord.here import Interaction, here, person
from bot.adapters.discord.log_channel import LogChannel
from bot.adapters.discord.responses import Responses
from bot.community import Community
from bot.community.cases import MUTE_DAYS
from bot.wording import say

log = logging.getLogger(__name__)

LOG_SECONDS = 600.0  # for what stands in log channels: an interaction can be answered for 15 minutes
ONE_SECONDS = 60.0


class PrivacyDesk:
    """Every action is about the person who asks, wherever that is."""

    def __init__(self, community: Community, log_channel: LogChannel, responses: Responses) -> None:
        self._community = community
        self._log_channel = log_channel
        self._responses = responses

    async def pressed(self, interaction: Interaction, press: Press) -> None:
        """ "mine:<action>": a button below an answer of this desk."""
        await self.act(interaction, press.parts[0])

    async def act(self, interaction: Interaction, action: str) -> None:
        """A command or a button: privacy, export, forget, erase (the confirmed forget), optout, optin."""
        language = (await here(self._community, interaction)).language
        await self._responses.quietly(interaction, lambda: self._answer(interaction, action, language))

    async def _answer(self, interaction: Interaction, action: str, language: str) -> Answer:
        who = person(interaction.user.id)
        match action:
            case "export":
                kept = json.dumps(await self._community.privacy.export(who), indent=2, ensure_ascii=False)
                file = File("candid-about-me.json", "application/json", kept.encode())
                return Answer(content=say("discord.privacy.export", language), file=file)
            case "forget":
                sure = button("mine:erase", say("discord.privacy.erase", language), Style.DANGER)
                return Answer(
                    content=say("discord.privacy.sure", language, mute=round(MUTE_DAYS)), components=(row(sure),)
                )
            case "erase":
                return await self._erase(who, language)
            case "optout":
                await self._community.members.opt_out(who)
                return self._with_way_back(say("community.opted-out", language), "optin", language)
            case "optin":
                await self._community.members.opt_in(who)
                return self._with_way_back(say("community.opted-in", language), "optout", language)
        return await self._statement(who, language)

    async def _erase(self, who: str, language: str) -> Answer:
        """The rows, and what log channels show of the person."""
        naming = await self._community.cases.naming(who)
        count = await self._community.privacy.forget(who)
        log.info("Discord: somebody had everything about them erased: %d rows.", count)
        until, left = time.time() + LOG_SECONDS, 0
        for case in naming:
            left += not await self._log_channel.forget(case, who, min(until, time.time() + ONE_SECONDS))
        return sentence(self._community.privacy.erased(count, left, language))

    async def _statement(self, who: str, language: str) -> Answer:
        out = await self._community.members.opted_out(who)
        actions = {"export": Style.SECONDARY, "forget": Style.SECONDARY, "optin" if out else "optout": Style.SECONDARY}
        buttons = [
            button(f"mine:{one}", say(f"discord.privacy.{one}_label", language), s) for one, s in actions.items()
        ]
        return Answer(content=self._community.privacy.words(language), components=(row(*buttons),))

    def _with_way_back(self, text: str, action: str, language: str) -> Answer:
        return Answer(
            content=text, components=(row(button(f"mine:{action}", say(f"discord.privacy.{action}_label", language))),)
        )
