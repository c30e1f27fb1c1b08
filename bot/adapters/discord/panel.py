"""The settings of a server: who may see and change them is looked at each time; every change is an audit row."""

import logging
from typing import Any

import discord

from bot.adapters.discord.announcements import Announcements
from bot.adapters.discord.answer import Answer, sentence
from bot.adapters.discord.controls import MOST_CHOSEN, Press, field, form
from bot.adapters.discord.here import Here, Interaction, here, mentions, person
from bot.adapters.discord.log_channel import LogChannel
from bot.adapters.discord.panel_pages import DEFAULT, PAGES, Panel
from bot.adapters.discord.responses import Responses
from bot.community import EVERYWHERE, Community, Rules
from bot.core import Checker
from bot.errors import Refusal
from bot.sensitivity import choices
from bot.wording import refuse, refused, say

log = logging.getLogger(__name__)


class SettingsDesk:
    """Draws the pages and takes what is chosen in them."""

    def __init__(self, checker: Checker, community: Community, log_channel: LogChannel, responses: Responses) -> None:
        self._checker = checker
        self._community = community
        self._responses = responses
        self._announcements = Announcements(community, log_channel)

    async def open(self, interaction: Interaction) -> None:
        """`/candid settings`"""
        place = await here(self._community, interaction)
        if await self._may(interaction, place):
            await self._responses.quietly(interaction, lambda: self._draw(interaction, place, PAGES[0]))

    async def turn(self, interaction: Interaction, press: Press) -> None:
        """ "page:<page>"."""
        place = await here(self._community, interaction)
        if await self._may(interaction, place):
            page = press.parts[0]
            await self._responses.quietly(interaction, lambda: self._draw(interaction, place, page), update=True)

    async def choose(self, interaction: Interaction, press: Press) -> None:
        """ "set:<page>:<rule>": chosen in a menu, or a button pressed."""
        place = await here(self._community, interaction)
        if not await self._may(interaction, place):
            return
        page, key = press.parts
        if key == "limits":
            await self._responses.form(interaction, _limits(place.rules, place.language))
            return
        await self._responses.quietly(
            interaction, lambda: self._change(interaction, place, page, lambda: _changes(interaction, place, key, press)),
            update=True,
        )  # fmt: skip

    async def limit(self, interaction: Interaction, press: Press) -> None:
        """ "limits": the form came back."""
        place = await here(self._community, interaction)
        if not await self._may(interaction, place):
            return
        texts = (*press.texts, "", "")
        changes = {"per_user_per_minute": _number(texts[0]), "per_server_per_day": _number(texts[1])}
        await self._responses.quietly(
            interaction, lambda: self._change(interaction, place, "answers", lambda: changes), update=True
        )

    async def _may(self, interaction: Interaction, place: Here) -> bool:
        if place.guild is None:
            await self._responses.sentence(interaction, say("discord.settings_elsewhere", place.language))
        elif not interaction.permissions.manage_guild:
            await self._responses.sentence(interaction, say("discord.settings_refused", place.language))
        else:
            return True
        return False

    async def _change(self, interaction: Interaction, place: Here, page: str, changes: Any) -> Answer:
        """Change the rules, and draw the page as it is then; with the reason on top if that was refused."""
        by = person(interaction.user.id)
        try:
            chosen = changes()
            rules = await self._community.rules.change(place.server, by, **chosen)
        except Refusal as refusal:
            return await self._draw(interaction, place, page, f"⚠️ {refused(refusal, place.language)}")
        log.info("Discord: %s changed %s of %s.", by, ", ".join(chosen), place.server)
        note = await self._announced(interaction, place, rules) if rules.review != place.rules.review else ""
        return await self._draw(interaction, await here(self._community, interaction), page, note)

    async def _announced(self, interaction: Interaction, place: Here, rules: Rules) -> str:
        """Members are told of review; it doesn't begin where nobody can be."""
        told = await self._announcements.review(interaction, place, rules)
        if told:
            return say("discord.panel.review_told", place.language, channels=mentions(told, "#"))
        if rules.review:
            await self._community.rules.change(place.server, person(interaction.user.id), review=False)
            return f"⚠️ {say('community.review-untold', place.language)}"
        return ""

    async def _draw(self, interaction: Interaction, place: Here, page: str, note: str = "") -> Answer:
        guild = interaction.client.get_guild(place.guild or 0)
        if guild is None:
            return sentence(say("discord.settings_elsewhere", place.language))
        panel = Panel(
            guild=guild,
            rules=place.rules,
            language=place.language,
            choices=choices(self._checker.model),
            reviewable=self._community.review.enabled,
            keep_days=self._community.review.keep_days,
            content=interaction.client.content,
            used=await self._community.quotas.used(place.server),
            note=note,
        )
        return panel.page(page)


def _changes(interaction: Interaction, place: Here, key: str, press: Press) -> dict[str, object]:
    """What was chosen, as the rule has it. Raises Refusal for channels of elsewhere."""
    rules, values = place.rules, list(press.values)
    match key:
        case "everywhere":
            return {"channels": () if EVERYWHERE in rules.channels else (EVERYWHERE,)}
        case "appeals" | "review":
            return {key: not getattr(rules, key)}
        case "channels" | "exempt_channels":
            return {key: _with_unshown(rules, key, [_here(interaction, one) for one in values])}
        case "log_channel":
            return {key: _here(interaction, values[0]) if values else None}
        case "exempt_users":
            return {key: _with_unshown(rules, key, [person(int(one)) for one in values])}
        case "exempt_roles" | "users":
            return {key: _with_unshown(rules, key, values)}
        case "sensitivity":
            return {key: None if values[0] == DEFAULT else int(values[0])}
        case "language":
            return {key: None if values[0] == DEFAULT else values[0]}
    return {key: values[0]}


def _with_unshown(rules: Rules, key: str, chosen: list[str]) -> list[str]:
    """What was chosen, and what an imported file had named beyond the entries that a menu can show."""
    return [*chosen, *(one for one in getattr(rules, key)[MOST_CHOSEN:] if one not in chosen)]


def _here(interaction: Interaction, channel: str) -> str:
    guild: discord.Guild | None = interaction.client.get_guild(interaction.guild_id or 0)
    if guild is None or guild.get_channel_or_thread(int(channel)) is None:
        raise refuse("setting", "discord.panel.not_here")
    return channel


def _limits(rules: Rules, language: str) -> dict[str, Any]:
    """The form for numbers; an empty line means no limit of the server's own."""
    person, day = rules.per_user_per_minute, rules.per_server_per_day
    hint = say("discord.panel.limit_hint", language)
    return form(
        "limits",
        say("discord.panel.limits", language),
        field(say("discord.panel.limit_person", language), hint, f"{person:g}" if person else "", most=10),
        field(say("discord.panel.limit_day", language), hint, str(day or ""), most=10),
    )


def _number(text: str) -> object:
    """A number, None for nothing, and what isn't one as it is: the rule book says what it accepts."""
    text = text.strip()
    if not text:
        return None
    if text.isdecimal():
        return int(text)
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return text
