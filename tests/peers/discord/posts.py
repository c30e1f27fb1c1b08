"""What people and the bot post: messages with uploads, stickers, embeds, forwards; and who may read them."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tests.peers.discord.places import Channel, Json, Kind, Person

if TYPE_CHECKING:
    from tests.peers.discord.interactions import Ask
    from tests.peers.discord.world import World

EPHEMERAL = 1 << 6
LOADING = 1 << 7
TYPES = {"png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "webp": "image/webp", "gif": "image/gif"}
TYPES |= {"mp4": "video/mp4", "txt": "text/plain; charset=utf-8", "pdf": "application/pdf", "avif": "image/avif"}


@dataclass(eq=False)
class Upload:
    """A file in a message. Discord takes the type from the name; `lies` is a size claimed that isn't true."""

    name: str
    data: bytes
    id: int = 0
    lies: int | None = None
    ephemeral: bool = False

    @property
    def content_type(self) -> str | None:
        return TYPES.get(self.name.rpartition(".")[2].lower())

    def payload(self, world: "World", channel: Channel) -> Json:
        found: Json = {
            "id": str(self.id),
            "filename": self.name,
            "size": len(self.data) if self.lies is None else self.lies,
            "url": world.cdn.signed(channel.id, self),
            "proxy_url": world.cdn.proxied(channel.id, self),
        }
        if self.content_type:
            found["content_type"] = self.content_type
        if (self.content_type or "").startswith("image/"):
            found |= {"width": 640, "height": 480}
        if self.ephemeral:
            found["ephemeral"] = True
        return found


@dataclass(eq=False)
class Sticker:
    """A sticker; `format` is 1 PNG, 2 APNG, 3 Lottie, 4 GIF."""

    id: int
    name: str
    format: int
    data: bytes

    @property
    def payload(self) -> Json:
        return {"id": str(self.id), "name": self.name, "format_type": self.format}


@dataclass(eq=False)
class Embedded:
    """What Discord makes of a link; `where` is "image" or "thumbnail". Only its proxy serves `data`."""

    url: str
    data: bytes
    type: str = "rich"
    where: str = "image"
    id: int = 0

    def payload(self, world: "World") -> Json:
        picture = {"url": self.url, "proxy_url": world.cdn.external(self), "width": 640, "height": 480}
        return {"type": self.type, "url": self.url, self.where: picture}


@dataclass(eq=False)
class Post:
    """One message. `history` holds every state that it was in, so that tests can see what people saw."""

    id: int
    channel: Channel
    author: Person
    content: str = ""
    uploads: list[Upload] = field(default_factory=list)
    links: list[Embedded] = field(default_factory=list)
    embeds: list[Json] = field(default_factory=list)
    stickers: list[Sticker] = field(default_factory=list)
    components: list[Json] = field(default_factory=list)
    reply_to: "Post | None" = None
    ping: bool = True
    forwarded: "Post | None" = None
    flags: int = 0
    nonce: str | None = None
    only_for: Person | None = None
    ask: "Ask | None" = None
    deleted: bool = False
    edits: int = 0
    reactions: list[tuple[str, Person]] = field(default_factory=list)
    poll: Json | None = None
    history: list[Json] = field(default_factory=list)

    @property
    def loading(self) -> bool:
        return bool(self.flags & LOADING)

    @property
    def text(self) -> str:
        """Everything that a person reads in this message."""
        parts = [self.content]
        for embed in self.embeds:
            parts += [embed.get("author", {}).get("name", ""), embed.get("title", ""), embed.get("description", "")]
            parts += [f"{f['name']} {f['value']}" for f in embed.get("fields", [])]
            parts.append(embed.get("footer", {}).get("text", ""))
        return "\n".join(p for p in parts if p)

    def items(self) -> list[Json]:
        """Every button and select of the message."""
        return [item for row in self.components for item in row.get("components", [])]

    def mentions(self, bot: Person) -> bool:
        """Is the bot mentioned: by name, or by the ping of a reply to it?"""
        named = re.search(rf"<@!?{bot.id}>", self.content) is not None
        return named or (self.reply_to is not None and self.ping and self.reply_to.author is bot)

    def readable(self, bot: Person, intent: bool) -> bool:
        """Does the bot get the content? With the intent always; else only what is addressed to it, or its own."""
        if intent or self.author is bot or self.mentions(bot):
            return True
        return self.channel.kind is Kind.DM and bot in self.channel.people

    def payload(self, world: "World", intent: bool = True, nested: bool = False, shown: bool = False) -> Json:
        """The message as the bot gets it. `shown` skips the intent: interactions carry messages in full."""
        bot = world.bot
        full = shown or self.readable(bot, intent)
        found: Json = {
            "id": str(self.id),
            "channel_id": str(self.channel.id),
            "author": self.author.payload,
            "content": self.content if full else "",
            "timestamp": datetime.fromtimestamp(((self.id >> 22) + 1420070400000) / 1000, UTC).isoformat(),
            "edited_timestamp": datetime.now(UTC).isoformat() if self.edits else None,
            "tts": False,
            "mention_everyone": False,
            "mentions": [bot.payload] if self.mentions(bot) else [],
            "mention_roles": [],
            "attachments": [u.payload(world, self.channel) for u in self.uploads] if full else [],
            "embeds": [e.payload(world) for e in self.links] + self.embeds if full else [],
            "components": self.components if full else [],
            "pinned": False,
            "type": 0,
            "flags": self.flags,
        }
        if self.stickers:
            found["sticker_items"] = [s.payload for s in self.stickers]
        if self.poll is not None and full:
            found["poll"] = self.poll
        if self.nonce is not None:
            found["nonce"] = self.nonce
        if self.ask is not None:
            found |= {"webhook_id": str(world.application_id), "application_id": str(world.application_id)}
            found |= self._of_ask(world, nested, shown)
        if self.channel.guild is not None:
            found["guild_id"] = str(self.channel.guild.id)
            found["member"] = {k: v for k, v in self.channel.guild.member(self.author).items() if k != "user"}
        if self.forwarded is not None:
            source = self.forwarded
            found["message_reference"] = {"type": 1, "message_id": str(source.id), "channel_id": str(source.channel.id)}
            inner = source.payload(world, intent=True, nested=True, shown=full)
            kept = ("content", "timestamp", "edited_timestamp", "attachments", "embeds", "components", "type", "flags")
            snapshot = {k: inner[k] for k in kept if k in inner} | {"mentions": [], "mention_roles": []}
            if not full:
                snapshot |= {"content": "", "attachments": [], "embeds": [], "components": []}
            found["message_snapshots"] = [{"message": snapshot}]
            if source.stickers:
                snapshot["sticker_items"] = [s.payload for s in source.stickers]
        elif self.reply_to is not None:
            found["type"] = 19
            found["message_reference"] = {
                "type": 0,
                "message_id": str(self.reply_to.id),
                "channel_id": str(self.reply_to.channel.id),
            }
            if not nested:
                shows = shown or (full and not world.hide_references)
                target = self.reply_to
                found["referenced_message"] = (
                    None if target.deleted else target.payload(world, intent, nested=True, shown=shows)
                )
        return {key: value for key, value in found.items() if key not in world.lacking}

    def _of_ask(self, world: "World", nested: bool, shown: bool) -> Json:
        """A response names the interaction; the first one to a message's menu refers to that message as well."""
        assert self.ask is not None
        asker, target = self.ask.person, self.ask.target
        data: Json = {"id": str(self.ask.id), "type": self.ask.type, "user": asker.payload}
        data["authorizing_integration_owners"] = {}
        if target is None or self.ask.response is not self:
            return {"type": 20, "interaction_metadata": data}
        place = {"type": 0, "message_id": str(target.id), "channel_id": str(target.channel.id)}
        found: Json = {"type": 23, "message_reference": place}
        found["interaction_metadata"] = data | {"target_message_id": str(target.id)}
        if not nested:
            gone = target.deleted
            found["referenced_message"] = None if gone else target.payload(world, nested=True, shown=shown)
        return found

    def record(self) -> None:
        """Keep what people see now."""
        state: dict[str, Any] = {"content": self.content, "embeds": self.embeds, "components": self.components}
        self.history.append(state | {"flags": self.flags})
