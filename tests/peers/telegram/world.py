"""The world behind the Bot API: people, chats and messages, and the JSON in which a bot sees them."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

_ENTITY = re.compile(r"(?<!\S)/[A-Za-z0-9_]{1,32}(?:@\w+)?|(?<!\w)@\w{4,32}")


class Refused(Exception):
    """The Bot API says no, in Telegram's own words."""

    def __init__(self, code: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.parameters = parameters


@dataclass(frozen=True)
class Person:
    """A Telegram user, human or bot."""

    id: int
    name: str
    username: str | None = None
    language: str | None = "en"
    is_bot: bool = False

    def json(self) -> Json:
        """The User object."""
        user: Json = {"id": self.id, "is_bot": self.is_bot, "first_name": self.name}
        if self.username:
            user["username"] = self.username
        if self.language and not self.is_bot:
            user["language_code"] = self.language
        return user


ANONYMOUS_ADMIN = Person(1087968824, "Group", "GroupAnonymousBot", is_bot=True)


@dataclass(eq=False)
class Chat:
    """A private chat or a group, with all that was ever said in it."""

    id: int
    kind: str
    title: str
    forum: bool = False
    status: dict[int, str] = field(default_factory=dict)
    topics: set[int] = field(default_factory=set)
    closed: set[int] = field(default_factory=set)  # topics in which only admins may write
    messages: dict[int, "Message"] = field(default_factory=dict)
    hidden_members: bool = False
    muted: bool = False
    blocked: bool = False
    started: bool = True  # a private chat: whether the person has ever written to the bot
    reactions: frozenset[str] | None = None  # those that the group's admins allow; None: all
    whispers: list["Message"] = field(default_factory=list)  # messages that only one member sees
    moved_to: int | None = None

    @property
    def private(self) -> bool:
        return self.kind == "private"

    def json(self) -> Json:
        """The Chat object."""
        if self.private:
            return {"id": self.id, "type": "private", "first_name": self.title}
        chat: Json = {"id": self.id, "type": self.kind, "title": self.title}
        if self.forum:
            chat["is_forum"] = True
        return chat

    def shown(self) -> list["Message"]:
        """What people in the chat can see now, in order."""
        return [message for message in self.messages.values() if not message.deleted]


@dataclass(frozen=True)
class Media:
    """What a message carries: the field's name (photo, document, sticker, ...) and its JSON."""

    kind: str
    json: Any


@dataclass(eq=False)
class Message:
    """One message, with every text that it ever had."""

    chat: Chat
    id: int
    sender: Person
    text: str = ""
    media: Media | None = None
    album: str | None = None
    reply_to: "Message | None" = None
    topic: int | None = None
    anonymous: bool = False
    keyboard: list[list[Json]] | None = None
    forced_reply: bool = False
    links: list[Json] = field(default_factory=list)  # the text_link entities of a bot's text
    silent: bool = False
    reaction: str = ""  # the bot's
    receiver: Person | None = None  # an ephemeral message's only reader
    service: Json = field(default_factory=dict)
    date: int = field(default_factory=lambda: int(time.time()))
    texts: list[str] = field(default_factory=list)
    deleted: bool = False

    def __post_init__(self) -> None:
        self.texts.append(self.text)

    @property
    def edits(self) -> int:
        """How often the text or the keyboard was changed."""
        return len(self.texts) - 1

    @property
    def buttons(self) -> list[str]:
        """The labels of the inline keyboard."""
        return [button["text"] for row in self.keyboard or [] for button in row]

    def json(self, *, nested: bool = True) -> Json:
        """The Message object; a replied-to message is shown one level deep, as Telegram does."""
        message: Json = {
            "message_id": self.id,
            "date": self.date,
            "chat": self.chat.json(),
            "from": self.sender.json(),
            **self.service,
        }
        if self.anonymous:
            message |= {"from": ANONYMOUS_ADMIN.json(), "sender_chat": self.chat.json()}
        if self.text:
            name, entities = ("caption", "caption_entities") if self.media else ("text", "entities")
            message[name] = self.text
            if found := [*entities_of(self.text), *self.links]:
                message[entities] = found
        if self.receiver:
            message |= {"receiver_user": self.receiver.json(), "ephemeral_message_id": self.id}
        if self.media:
            message[self.media.kind] = self.media.json
            if self.media.kind == "animation":  # for old bots, Telegram sends the document field too
                message["document"] = self.media.json
        if self.album:
            message["media_group_id"] = self.album
        if self.topic:
            message |= {"message_thread_id": self.topic, "is_topic_message": True}
        elif self.reply_to and self.chat.kind == "supergroup":
            message["message_thread_id"] = self.reply_to.id  # a reply thread, which is no topic
        if self.reply_to and nested and not self.reply_to.deleted:
            message["reply_to_message"] = self.reply_to.json(nested=False)
        if self.keyboard:
            message["reply_markup"] = {"inline_keyboard": self.keyboard}
        if self.edits:
            message["edit_date"] = int(time.time())
        return message


def entities_of(text: str) -> Iterator[Json]:
    """The commands and mentions that Telegram marks in a text; offsets count UTF-16 units."""
    for match in _ENTITY.finditer(text):
        kind = "bot_command" if match[0].startswith("/") else "mention"
        yield {"type": kind, "offset": _units(text[: match.start()]), "length": _units(match[0])}


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


class World:
    """Everything that exists apart from the wire."""

    def __init__(self, bot: Person, *, reads_all: bool = False) -> None:
        self.bot = bot
        self.reads_all = reads_all
        self.ephemeral = True  # whether this is a Bot API that knows ephemeral messages (10.3) ...
        self.deaf = False  # ... but takes no notice of the parameter that says who is to see one
        self.people: dict[int, Person] = {bot.id: bot}
        self.chats: dict[int, Chat] = {}
        self._private_ids = 0

    def chat(self, chat_id: object) -> Chat:
        """The chat of this id, or Telegram's refusal."""
        try:
            chat = self.chats[int(str(chat_id))]
        except (KeyError, ValueError):
            raise Refused(400, "Bad Request: chat not found") from None
        if chat.moved_to:
            text = "Bad Request: group chat was upgraded to a supergroup chat"
            raise Refused(400, text, migrate_to_chat_id=chat.moved_to)
        return chat

    def add(self, chat: Chat, sender: Person, **fields: Any) -> Message:
        """Put a message into a chat. Private chats share one row of ids, each supergroup has its own."""
        if chat.private:
            self._private_ids += 1
            number = self._private_ids
        else:
            number = max(chat.messages, default=0) + 1
        message = Message(chat, number, sender, **fields)
        chat.messages[number] = message
        return message

    def bot_sees(self, message: Message) -> bool:
        """Privacy mode: in a group a bot gets only what is meant for it, unless it is an admin or reads all."""
        chat = message.chat
        if chat.private:
            return True
        status = chat.status.get(self.bot.id, "left")
        if status in ("left", "kicked"):
            return False
        if self.reads_all or status == "administrator" or message.service:
            return True
        if message.reply_to and message.reply_to.sender == self.bot:
            return True
        return self._is_addressed(message.text)

    def _is_addressed(self, text: str) -> bool:
        own = f"@{self.bot.username}".casefold()
        for entity in entities_of(text):
            raw = text.encode("utf-16-le")
            word = raw[2 * entity["offset"] : 2 * (entity["offset"] + entity["length"])].decode("utf-16-le").casefold()
            if entity["type"] == "mention" and word == own:
                return True
            if entity["type"] == "bot_command" and ("@" not in word or word.endswith(own)):
                return True
        return False

    def messages_of_bot(self) -> list[Message]:
        """Every message of the bot that people can see, in all chats."""
        return [m for chat in self.chats.values() for m in chat.shown() if m.sender == self.bot]
