"""Who is there, where, and what was said and seen: the state of the loopback Discord, and its clock."""

import asyncio
import contextlib
import re
import time
from collections.abc import Callable
from typing import Any

from tests.peers.discord.places import MEMBER, Channel, Guild, Json, Kind, Permission, Person
from tests.peers.discord.posts import LOADING, Post, Sticker

NONCE_SECONDS = 180.0


class Scene:
    """People, guilds, channels and messages. `World` puts servers in front of it."""

    def __init__(self) -> None:
        self._offset = 0.0
        self._serial = 0
        self._changed = asyncio.Event()
        self.people: dict[int, Person] = {}
        self.guilds: list[Guild] = []
        self.channels: dict[int, Channel] = {}
        self.posts: dict[int, Post] = {}
        self.pings: list[str] = []  # what the bot's messages mentioned so that somebody is told
        self.bot = self.person("candid", bot=True)
        self.owner = self.person("owner")

    # time

    def now(self) -> float:
        return time.time() + self._offset

    def pass_time(self, seconds: float) -> None:
        """Discord's clock goes forward; nobody waits."""
        self._offset += seconds

    def snowflake(self) -> int:
        self._serial += 1
        return (int(self.now() * 1000) - 1420070400000) << 22 | (self._serial & 0x3FFFFF)

    def touch(self) -> None:
        """Something changed: whoever waits in `until` looks again."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def until(self, what: Callable[[], Any], seconds: float = 15.0) -> None:
        """Wait until something is so; raises TimeoutError otherwise."""
        async with asyncio.timeout(seconds):
            while not what():
                with contextlib.suppress(TimeoutError):  # what is waited for may be outside of this Discord
                    await asyncio.wait_for(self._changed.wait(), 0.05)

    # people and places

    def person(self, name: str, bot: bool = False, installed: bool = False) -> Person:
        person = Person(self.snowflake(), name, bot, installed=installed)
        self.people[person.id] = person
        return person

    def guild(self, name: str = "lab", bot: Permission | None = MEMBER) -> Guild:
        guild = Guild(self.snowflake(), name, self.owner, self.bot, self.snowflake(), self.snowflake(), bot)
        guild.join(self.owner)
        self.guilds.append(guild)
        return guild

    def channel(self, guild: Guild, name: str = "general", denied: Permission = Permission.NONE) -> Channel:
        channel = Channel(self.snowflake(), Kind.TEXT, name, guild, denied=denied)
        return self._place(channel)

    def thread(self, parent: Channel, name: str = "thread") -> Channel:
        return self._place(Channel(self.snowflake(), Kind.THREAD, name, parent.guild, parent))

    def group(self, *people: Person) -> Channel:
        """A private group, or two people's direct messages, where the bot is not."""
        return self._place(Channel(self.snowflake(), Kind.GROUP, "friends", people=people))

    def direct(self, person: Person) -> Channel:
        """The direct messages of a person and the bot."""
        for channel in self.channels.values():
            if channel.kind is Kind.DM and person in channel.people:
                return channel
        return self._place(Channel(self.snowflake(), Kind.DM, "", people=(person, self.bot)))

    def _place(self, channel: Channel) -> Channel:
        self.channels[channel.id] = channel
        if channel.guild is not None:
            channel.guild.channels.append(channel)
        return channel

    def sticker(self, name: str, data: bytes, format: int = 1) -> Sticker:
        return Sticker(self.snowflake(), name, format, data)

    # what can be seen

    def seen(self, channel: Channel, person: Person | None = None) -> list[Post]:
        """What a person (None: anybody) reads in a channel, oldest first."""
        posts = (p for p in self.posts.values() if p.channel is channel and not p.deleted)
        return [p for p in posts if p.only_for is None or p.only_for is person]

    def answers(self, channel: Channel | None = None) -> list[Post]:
        """Every finished message of the bot, ephemeral ones too."""
        mine = (p for p in self.posts.values() if p.author is self.bot and not p.loading and not p.deleted)
        return [p for p in mine if channel is None or p.channel is channel]

    def replies(self, post: Post) -> list[Post]:
        return [p for p in self.answers() if p.reply_to is post]

    # what happens to messages

    def publish(self, post: Post) -> None:
        post.record()
        self.posts[post.id] = post
        self.touch()

    def fill(self, post: Post, data: Json) -> None:
        allowed = data.get("allowed_mentions")
        if "content" in data and post.author is self.bot:
            text = str(data["content"] or "")
            kinds = {"everyone": r"@(?:everyone|here)", "users": r"<@!?\d+>", "roles": r"<@&\d+>"}
            parse = kinds if allowed is None else allowed.get("parse", ())
            self.pings += [found for kind in parse for found in re.findall(kinds[kind], text)]
        for key in ("content", "embeds", "components"):
            if key in data:
                setattr(post, key, data[key] or ("" if key == "content" else []))
        for upload in data.get("_files", ()):
            upload.id, upload.ephemeral = self.snowflake(), post.only_for is not None
            post.uploads.append(upload)

    def change(self, post: Post, data: Json) -> None:
        """Edit a message; a deferred one stops loading."""
        self.fill(post, data)
        post.flags &= ~LOADING
        post.edits += 1
        post.record()
        self.touch()

    def by_nonce(self, channel: Channel, nonce: str) -> Post | None:
        since = self.now() - NONCE_SECONDS
        for post in self.posts.values():
            recent = ((post.id >> 22) + 1420070400000) / 1000 > since
            if recent and post.channel is channel and post.author is self.bot and post.nonce == nonce:
                return post
        return None
