"""People at their phones: what they send, press, delete and block, as Python methods."""

import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.peers.telegram.files import Files
from tests.peers.telegram.methods import Methods, Press, member
from tests.peers.telegram.updates import Updates
from tests.peers.telegram.world import Chat, Media, Message, Person, World


class Human:
    """One person. Every method takes the chat last to be known: by default the private chat with the bot."""

    def __init__(
        self, person: Person, chat: Chat, world: World, files: Files, updates: Updates, methods: Methods
    ) -> None:
        self.person = person
        self.chat = chat
        self._world = world
        self._files = files
        self._updates = updates
        self._methods = methods

    def says(self, text: str, chat: Chat | None = None, **fields: Any) -> Message:
        """Send a text; fields: reply_to, topic, anonymous."""
        return self._send(chat, text=text, **fields)

    def photo(self, data: bytes, chat: Chat | None = None, caption: str = "", **fields: Any) -> Message:
        """Send a picture as a photo: recompressed, stripped."""
        return self._send(chat, text=caption, media=self._files.photo(data), **fields)

    def file(
        self,
        data: bytes,
        chat: Chat | None = None,
        caption: str = "",
        *,
        name: str = "picture.png",
        mime: str | None = "image/png",
        size: int | None = None,
        **fields: Any,
    ) -> Message:
        """Send a picture (or anything) as a file: every byte stays."""
        return self._send(chat, text=caption, media=self._files.document(data, name, mime, size), **fields)

    def sticker(self, data: bytes, chat: Chat | None = None, *, animated: bool = False, video: bool = False) -> Message:
        """Send a sticker."""
        return self._send(chat, media=self._files.sticker(data, animated=animated, video=video))

    def moving(self, kind: str, data: bytes = b"mp4", chat: Chat | None = None, **fields: Any) -> Message:
        """Send a "video" or an "animation"."""
        return self._send(chat, media=self._files.moving(kind, data), **fields)

    def album(
        self,
        pictures: Sequence[bytes],
        chat: Chat | None = None,
        caption: str = "",
        *,
        files: bool = False,
        **fields: Any,
    ) -> list[Message]:
        """Send several pictures at once: one message each, one media_group_id, the caption on the first."""
        number = f"album-{len(pictures)}-{time.monotonic_ns()}"
        sent = []
        for index, data in enumerate(pictures):
            media: Media = self._files.document(data, f"{index}.png", "image/png") if files else self._files.photo(data)
            text = caption if index == 0 else ""
            sent.append(self._send(chat, text=text, media=media, album=number, **fields))
        return sent

    def presses(self, message: Message, label: str) -> Press:
        """Press an inline button; the bot's answer appears in the Press."""
        button = next(b for row in message.keyboard or [] for b in row if b["text"] == label)
        return self.sends_callback(message, button["callback_data"])

    def sends_callback(self, message: Message, data: str) -> Press:
        """What a (modified) client can send: any callback data."""
        press = Press(f"press-{len(self._methods.presses)}", time.monotonic())
        self._methods.presses[press.id] = press
        query = {
            "id": press.id,
            "from": self.person.json(),
            "message": message.json(),
            "chat_instance": str(message.chat.id),
            "data": data,
        }
        self._updates.push("callback_query", query)
        return press

    def opens(self, link: str, chat: Chat | None = None) -> Message:
        """Follow a t.me link to the bot, and press Start (or choose the group `chat`, if it is a link for that)."""
        address = urlsplit(link)
        assert (address.netloc, address.path) == ("t.me", f"/{self._world.bot.username}"), link
        query = dict(parse_qsl(address.query))
        if chat is None:
            return self.says(f"/start {query['start']}")
        if chat.status.get(self._world.bot.id, "left") in ("left", "kicked"):
            self.invites_bot(chat)
        return self.says(f"/start@{self._world.bot.username} {query['startgroup']}", chat)

    def deletes(self, message: Message) -> None:
        """Delete a message; bots are not told."""
        message.deleted = True

    def blocks(self) -> None:
        """Block the bot."""
        self.chat.blocked = True
        self._status_of_bot(self.chat, "member", "kicked")

    def invites_bot(self, chat: Chat, status: str = "member") -> None:
        """Add the bot to a group, or make it an admin there."""
        old = chat.status.get(self._world.bot.id, "left")
        chat.status[self._world.bot.id] = status
        self._status_of_bot(chat, old, status)

    def _status_of_bot(self, chat: Chat, old: str, new: str) -> None:
        bot = self._world.bot.json()
        entries = {}
        for name, status in (("old_chat_member", old), ("new_chat_member", new)):
            shown = Chat(chat.id, chat.kind, chat.title, status={self._world.bot.id: status})
            entries[name] = member(shown, bot)
        change = {"chat": chat.json(), "from": self.person.json(), "date": int(time.time()), **entries}
        self._updates.push("my_chat_member", change)

    def _send(self, chat: Chat | None, **fields: Any) -> Message:
        message = self._world.add(chat or self.chat, self.person, **fields)
        message.chat.started = True
        if self._world.bot_sees(message):
            self._updates.push("message", message.json())
        return message
