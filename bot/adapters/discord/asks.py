"""What somebody asks for on Discord: a value that survives a restart in the inbox."""

from dataclasses import dataclass
from typing import Any

import discord

from bot.adapters.discord.here import asker, author_of, locale
from bot.adapters.discord.sources import Source
from bot.core import Asker
from bot.wording import DEFAULT

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ask:
    """One request. With a `token` it came by an interaction, and the answer goes into its deferred response.

    `message` is what the answer replies to. `target` is the message (channel, id) with the pictures: it is read again
    where `sources` is None, or where their urls have expired. `author` is the person who posted them.
    """

    key: str
    user: int
    channel: int
    guild: int | None = None
    message: int | None = None
    application: int = 0
    token: str = ""
    automatic: bool = False
    target: tuple[int, int] | None = None
    sources: tuple[Source, ...] | None = None
    author: int | None = None
    locale: str = DEFAULT  # of the server; elsewhere of the person
    private: bool = False  # only the person sees the answer
    refusal: str = ""  # the key of a sentence that is all of the answer
    unfurls: bool = False  # there are links whose pictures Discord adds in a moment

    @property
    def asker(self) -> Asker:
        """For limits and fairness."""
        return asker(self.guild, self.channel, self.user)

    @property
    def nonce(self) -> str:
        """Discord takes only one message with it (at most 25 characters)."""
        return self.key.rpartition("/")[2]

    def payload(self) -> Json:
        """As JSON, for the inbox. No pixels."""
        return {
            "user": self.user,
            "channel": self.channel,
            "guild": self.guild,
            "message": self.message,
            "application": self.application,
            "token": self.token,
            "automatic": self.automatic,
            "target": list(self.target) if self.target else None,
            "sources": None if self.sources is None else [s.payload() for s in self.sources],
            "author": self.author,
            "locale": self.locale,
            "private": self.private,
            "refusal": self.refusal,
            "unfurls": self.unfurls,
        }

    @classmethod
    def from_payload(cls, key: str, data: Json) -> "Ask":
        """From the inbox, after a restart, perhaps of an older Candid."""
        kept = {name: data[name] for name in ("user", "channel", "guild", "message", "application", "token")}
        kept |= {name: data[name] for name in ("author", "locale", "private", "refusal") if name in data}
        sources = data["sources"]
        return cls(
            key,
            **kept,
            automatic=data["automatic"],
            target=(data["target"][0], data["target"][1]) if data["target"] else None,
            sources=None if sources is None else tuple(Source.from_payload(s) for s in sources),
            unfurls=data["unfurls"],
        )


def key_of_message(message: discord.Message) -> str:
    """A message is answered once, whatever it asks."""
    return f"discord/message/{message.id}"


def of_interaction(
    interaction: discord.Interaction[Any],
    sources: tuple[Source, ...],
    target: discord.Message | None,
    *,
    guild: int | None,
    private: bool = False,
) -> Ask:
    """A command or a menu entry; `guild` is the server whose rules hold."""
    channel = interaction.channel_id or 0
    return Ask(
        key=f"discord/interaction/{interaction.id}",
        user=interaction.user.id,
        channel=channel,
        guild=guild,
        message=target.id if target is not None else None,
        application=interaction.application_id,
        token=interaction.token,
        target=(channel, target.id) if target is not None else None,
        sources=sources,
        author=author_of(target) if target is not None else None,
        locale=locale(interaction),
        private=private,
    )
