"""Where something happens on Discord and what applies there: the server, its rules, the language; and their names."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import discord

from bot.adapters.discord.fields import author as writer
from bot.community import Community, Rules
from bot.core import Asker

Interaction = discord.Interaction[Any]  # its client is a CandidClient
_LINK = re.compile(r"https://discord\.com/channels/(\d+)/(\d+)/(\d+)")


def server(guild: int) -> str:
    """The store's name of a server."""
    return f"discord:{guild}"


def person(user: int) -> str:
    """The store's name of a person."""
    return f"discord:user/{user}"


def number(name: str) -> str:
    """The number of a person in the store: "5" of "discord:user/5"."""
    return name.rpartition("/")[2]


def asker(guild: int | None, channel: int | None, user: int) -> Asker:
    """For limits and fairness."""
    return Asker(f"discord:guild/{guild}" if guild else f"discord:channel/{channel}", person(user))


def link(guild: int | None, channel: int, message: int | None = None) -> str:
    """Leads to a message, or to its channel."""
    place = f"https://discord.com/channels/{guild or '@me'}/{channel}"
    return place if message is None else f"{place}/{message}"


def author_of(message: discord.Message) -> int | None:
    """The person who posted it; None for a bot, and where it isn't said."""
    by = writer(message)
    return None if by is None or by.bot or message.webhook_id else by.id


def roles(user: discord.abc.User) -> list[str]:
    """The ids of a member's roles."""
    return [str(role.id) for role in user.roles] if isinstance(user, discord.Member) else []


def places(channel: object) -> list[str]:
    """A channel's id, and those of what it lies in: a thread's channel, a channel's category."""
    around = (
        channel.parent if isinstance(channel, discord.Thread) else channel
    )  # None where it isn't known: no category
    ids = [getattr(channel, "id", None), getattr(channel, "parent_id", None), getattr(around, "category_id", None)]
    return [str(one) for one in ids if one]


def locale(interaction: Interaction) -> str:
    """The language of the server; elsewhere the person's own."""
    return str((interaction.guild_locale if interaction.guild_id else None) or interaction.locale)


@dataclass(frozen=True, slots=True)
class Here:
    """`guild` is None in direct messages, and in servers that the bot is not in: no rules hold there."""

    guild: int | None
    rules: Rules
    language: str

    @property
    def server(self) -> str:
        """The store's name of this server, of one that there is."""
        assert self.guild is not None
        return server(self.guild)


async def here(community: Community, interaction: Interaction) -> Here:
    """What applies where a person pressed, chose or commanded."""
    guild = interaction.guild_id
    if guild is None or interaction.client.get_guild(guild) is None:
        return Here(None, Rules(), locale(interaction))
    rules = await community.rules.read(server(guild))
    return Here(guild, rules, rules.language or locale(interaction))


async def asked(community: Community, interaction: Interaction) -> Here:
    """What applies to the answer that somebody pressed a button of: one that came as a direct message names its server."""
    guild, message = linked(interaction.message), interaction.message
    if (
        interaction.guild_id is not None
        or guild is None
        or message is None
        or writer(message) != interaction.client.user
    ):
        return await here(community, interaction)
    if interaction.client.get_guild(guild[0]) is None:
        return Here(None, Rules(), locale(interaction))
    rules = await community.rules.read(server(guild[0]))
    return Here(guild[0], rules, rules.language or locale(interaction))


def linked(message: discord.Message | None) -> tuple[int, int, int] | None:
    """The server, channel and message that a direct message of the bot's is about."""
    found = _LINK.search(message.content) if message is not None and message.guild is None else None
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def may_ask(rules: Rules, user: discord.abc.User, permissions: discord.Permissions) -> bool:
    """Whether a person may use the commands. Who could change that rule may anyway."""
    return permissions.manage_guild or rules.may_ask(roles(user))


def mentions(names: Iterable[str], kind: str) -> str:
    """Ids as Discord shows them: `kind` is "#" for channels, "@" for people, "@&" for roles."""
    return ", ".join(f"<{kind}{number(name)}>" for name in names)
