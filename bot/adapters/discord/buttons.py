"""The buttons below an answer. Their ids carry the picture's hash, so that they work after a restart, for ever."""

import re
from collections.abc import Sequence
from typing import Any, Self

import discord
from discord import ButtonStyle, ui

from bot.wording import say

Interaction = discord.Interaction[Any]  # its client is a CandidClient
REPORT = re.compile(r"candid:report:(?P<sha>[0-9a-f]{32})")
LONGEST_REPORT = 500
LANGUAGE = "en"


class Why(ui.DynamicItem[ui.Button[ui.View]], template=r"candid:why:(?P<sha>[0-9a-f]{32})"):
    """Shows the reasons to whoever asks."""

    def __init__(self, sha: str) -> None:
        label = say("discord.why", LANGUAGE)
        super().__init__(ui.Button(style=ButtonStyle.secondary, label=label, custom_id=f"candid:why:{sha}"))
        self.sha = sha

    @classmethod
    async def from_custom_id(cls, interaction: Interaction, item: Any, match: re.Match[str], /) -> Self:
        """Discord brings back the id; nothing else is kept."""
        return cls(match["sha"])

    async def callback(self, interaction: Interaction) -> None:
        """Pressed."""
        await interaction.client.front.why(interaction, self.sha)


class Wrong(ui.DynamicItem[ui.Button[ui.View]], template=r"candid:wrong:(?P<sha>[0-9a-f]{32})"):
    """Opens the form of a report."""

    def __init__(self, sha: str) -> None:
        label = say("discord.wrong", LANGUAGE)
        super().__init__(ui.Button(style=ButtonStyle.secondary, label=label, custom_id=f"candid:wrong:{sha}"))
        self.sha = sha

    @classmethod
    async def from_custom_id(cls, interaction: Interaction, item: Any, match: re.Match[str], /) -> Self:
        """Discord brings back the id; nothing else is kept."""
        return cls(match["sha"])

    async def callback(self, interaction: Interaction) -> None:
        """Pressed."""
        await interaction.client.front.open_report(interaction, self.sha)


class WhyOne(ui.DynamicItem[ui.Select[ui.View]], template=r"candid:why"):
    """Among several pictures: the reasons for which?"""

    def __init__(self, select: ui.Select[ui.View]) -> None:
        super().__init__(select)

    @classmethod
    async def from_custom_id(cls, interaction: Interaction, item: Any, match: re.Match[str], /) -> Self:
        """Discord brings back the menu with its choices."""
        return cls(item)

    async def callback(self, interaction: Interaction) -> None:
        """Chosen."""
        await interaction.client.front.why(interaction, self.item.values[0])


class WrongOne(ui.DynamicItem[ui.Select[ui.View]], template=r"candid:wrong"):
    """Among several pictures: which verdict is wrong?"""

    def __init__(self, select: ui.Select[ui.View]) -> None:
        super().__init__(select)

    @classmethod
    async def from_custom_id(cls, interaction: Interaction, item: Any, match: re.Match[str], /) -> Self:
        """Discord brings back the menu with its choices."""
        return cls(item)

    async def callback(self, interaction: Interaction) -> None:
        """Chosen."""
        await interaction.client.front.open_report(interaction, self.item.values[0])


class AutomaticChannels(ui.DynamicItem[ui.ChannelSelect[ui.View]], template=r"candid:automatic"):
    """In the settings: the channels where every picture is checked."""

    def __init__(self, select: ui.ChannelSelect[ui.View]) -> None:
        super().__init__(select)

    @classmethod
    async def from_custom_id(cls, interaction: Interaction, item: Any, match: re.Match[str], /) -> Self:
        """Discord brings back the menu."""
        return cls(item)

    async def callback(self, interaction: Interaction) -> None:
        """Chosen."""
        await interaction.client.front.change_channels(
            interaction, [channel.id for channel in self.item.values], interaction.client.content
        )


ITEMS = (Why, Wrong, WhyOne, WrongOne, AutomaticChannels)


def row_of_buttons(choices: Sequence[tuple[str, str]], language: str) -> tuple[dict[str, Any], ...]:
    """Buttons for one picture, menus for several. A choice is a label and the first 32 digits of the hash."""
    if not choices:
        return ()
    view = ui.View(timeout=None)
    if len(choices) == 1:
        view.add_item(Why(choices[0][1])).add_item(Wrong(choices[0][1]))
    else:
        options = [discord.SelectOption(label=label[:100], value=sha) for label, sha in choices]
        for kind, key in ((WhyOne, "why"), (WrongOne, "wrong")):
            placeholder = say(f"discord.{key}_which", language)
            view.add_item(kind(ui.Select(custom_id=f"candid:{key}", placeholder=placeholder, options=options)))
    return tuple(view.to_components())


def channel_menu(chosen: Sequence[int], language: str) -> tuple[dict[str, Any], ...]:
    """The settings' menu of channels, with the present ones chosen."""
    kinds = [discord.ChannelType.text, discord.ChannelType.news, discord.ChannelType.forum, discord.ChannelType.voice]
    select: ui.ChannelSelect[ui.View] = ui.ChannelSelect(
        custom_id="candid:automatic",
        placeholder=say("discord.channels_hint", language),
        channel_types=kinds,
        min_values=0,
        max_values=25,
        default_values=[discord.SelectDefaultValue(id=c, type=discord.SelectDefaultValueType.channel) for c in chosen],
    )
    view = ui.View(timeout=None)
    view.add_item(AutomaticChannels(select))
    return tuple(view.to_components())


def report_form(sha: str, language: str) -> ui.Modal:
    """Asks what is wrong. Its id carries the hash, so that it can be sent after a restart as well."""
    form = ui.Modal(title=say("discord.form_title", language), custom_id=f"candid:report:{sha}", timeout=900)
    form.add_item(
        ui.TextInput(
            label=say("discord.form_label", language),
            placeholder=say("discord.form_hint", language),
            style=discord.TextStyle.paragraph,
            required=False,
            max_length=LONGEST_REPORT,
        )
    )
    return form


def reported_text(interaction: Interaction) -> tuple[str, str] | None:
    """Hash and text of a report form that was sent; None if this is something else."""
    if interaction.type is not discord.InteractionType.modal_submit or interaction.data is None:
        return None
    data: dict[str, Any] = dict(interaction.data)
    match = REPORT.fullmatch(str(data.get("custom_id")))
    if match is None:
        return None
    fields = [c for row in data["components"] for c in row.get("components", [row.get("component")])]
    return match["sha"], str(fields[0].get("value") or "")[:LONGEST_REPORT]
