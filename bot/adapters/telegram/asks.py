"""Who asks about which pictures: read from a Telegram message, kept in the inbox, joined for albums."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from telegram import (
    ExternalReplyInfo,
    Message,
    MessageEntity,
    MessageOriginChannel,
    MessageOriginChat,
    MessageOriginUser,
)
from telegram.constants import ChatType

from bot.adapters.telegram.albums import Albums
from bot.adapters.telegram.delivery import Place
from bot.adapters.telegram.sources import Source, source_of
from bot.core import Asker

PLATFORM = "telegram"
GENERAL = 1  # the topic that every forum has


@dataclass(slots=True)
class Ask:
    """One question that gets one answer. `keys` are its rows in the inbox: one for each message of an album."""

    keys: list[str]
    place: Place
    user: int
    language: str
    automatic: bool
    album: str | None
    sources: list[Source]
    author: int | None = None  # who posted the pictures, as far as Telegram tells
    origin: int | None = None  # whose they were before they were forwarded
    link: str = ""  # to the message with the pictures
    sent: float = 0.0
    accepted: float = field(default_factory=time.time)
    placeholder: int | None = None
    aside: bool = False  # it is answered in the asker's private chat
    sending: bool = False
    quiet_at: float = 0.0  # when the album is taken to be complete
    places: dict[Source, int] = field(default_factory=dict)  # in the chat, by which an album is in order

    def __post_init__(self) -> None:
        """Each picture has its message's place."""
        self.places |= dict.fromkeys(self.sources, self.place.reply_to or 0)

    @property
    def asker(self) -> Asker:
        """The keys for limits and fairness."""
        return Asker(chat=f"telegram:chat/{self.place.chat}", user=f"telegram:user/{self.user}")

    @property
    def answer_place(self) -> Place:
        """Where the answer goes."""
        return Place(self.user) if self.aside else self.place

    @property
    def topic(self) -> str:
        """The topic's id as rules name it; messages outside of the named topics are in the first one."""
        return str(self.place.thread or GENERAL)

    def payload(self) -> dict[str, Any]:
        """What the inbox keeps: ids, never pixels."""
        return {
            "chat": self.place.chat,
            "thread": self.place.thread,
            "message": self.place.reply_to,
            "user": self.user,
            "language": self.language,
            "automatic": self.automatic,
            "album": self.album,
            "author": self.author,
            "origin": self.origin,
            "link": self.link,
            "sources": [source.payload() for source in self.sources],
        }

    def joined_payload(self) -> dict[str, Any]:
        """What the other parts of an album change in the first one's row."""
        changed = ("message", "user", "language", "automatic", "sources")
        return {name: value for name, value in self.payload().items() if name in changed}

    @classmethod
    def of_payload(cls, key: str, payload: Mapping[str, Any], accepted: float) -> "Ask":
        """Back from the inbox."""
        return cls(
            keys=[key],
            place=Place(payload["chat"], payload["thread"], payload["message"]),
            user=payload["user"],
            language=payload["language"],
            automatic=payload["automatic"],
            album=payload["album"],
            sources=[Source.of_payload(source) for source in payload["sources"]],
            author=payload.get("author"),
            origin=payload.get("origin"),
            link=payload.get("link", ""),
            accepted=accepted,
            placeholder=payload.get("placeholder"),
            aside=bool(payload.get("aside")),
            sending=bool(payload.get("sending")),
        )

    def take_in(self, parts: Mapping[int, Source]) -> bool:
        """Take in pictures of the same album, by their messages' numbers. False when all are known."""
        new = [source for source in parts.values() if source not in self.places]
        self.places |= {source: number for number, source in parts.items()}
        self.sources = sorted([*self.sources, *new], key=lambda source: self.places[source])
        return bool(new)

    def join(self, other: "Ask") -> None:
        """Take in another part of the same album; parts may come in any order."""
        if self.automatic and not other.automatic:  # its caption asks what is looked at anyway
            self.automatic, self.place = False, other.place
            self.user, self.language = other.user, other.language
        self.keys += other.keys
        self.places = other.places | self.places
        self.sources += [source for source in other.sources if source not in self.sources]
        self.sources.sort(key=lambda source: self.places[source])
        self.placeholder = self.placeholder or other.placeholder
        self.sending = self.sending or other.sending


def joined(asks: Iterable[Ask]) -> list[Ask]:
    """The parts of albums put together again, after a restart."""
    found: dict[tuple[int, str], Ask] = {}
    for ask in asks:
        name = (ask.place.chat, ask.album or ask.keys[0])
        if name in found:
            found[name].join(ask)
        else:
            found[name] = ask
    return list(found.values())


class Reader:
    """Reads messages for one bot."""

    def __init__(self, username: str, albums: Albums) -> None:
        self._username = username.casefold()
        self._albums = albums

    def command(self, message: Message) -> str | None:
        """The command that a text or caption begins with, when it is meant for this bot."""
        entities = message.entities or message.caption_entities
        if not entities or entities[0].offset or entities[0].type != MessageEntity.BOT_COMMAND:
            return None
        text = message.text or message.caption or ""
        name, _, bot = text[1 : entities[0].length].partition("@")
        return name.casefold() if bot.casefold() in ("", self._username) else None

    def ask(self, message: Message, *, automatic: bool) -> Ask | None:
        """What a message asks, if anything. `automatic`: this group has every picture checked."""
        own = source_of(message)
        private = message.chat.type == ChatType.PRIVATE
        if self.command(message) == "check" or self._mentioned(message):
            return self._ask(message, self._meant(message), automatic=False)
        if own and private:
            return self._ask(message, [own], automatic=False)
        if own and own.still and automatic:
            return self._ask(message, [own], automatic=True)
        return None

    def part(self, message: Message) -> Ask | None:
        """A message as one more part of an album that is asked about already."""
        own = source_of(message)
        return self._ask(message, [own], automatic=False) if own else None

    def _meant(self, message: Message) -> list[Source]:
        """The message's own pictures, else those of the message that it replies to."""
        if source_of(message):
            return self._albums.all_of(message)
        if message.reply_to_message:
            return self._albums.all_of(message.reply_to_message)
        elsewhere = source_of(message.external_reply) if message.external_reply else None
        return [elsewhere] if elsewhere else []

    def _mentioned(self, message: Message) -> bool:
        mentions = {**message.parse_entities(["mention"]), **message.parse_caption_entities(["mention"])}
        return any(name.casefold() == f"@{self._username}" for name in mentions.values())

    def _ask(self, message: Message, sources: list[Source], *, automatic: bool) -> Ask | None:
        if not sources:
            return None
        shown: Message | ExternalReplyInfo | None = message
        if source_of(message) is None:
            shown = message.reply_to_message or message.external_reply
        return Ask(
            keys=[f"{PLATFORM}:{message.chat.id}/{message.message_id}"],
            place=place_of(message),
            user=person_of(message),
            language=language_of(message),
            automatic=automatic,
            album=message.media_group_id if source_of(message) else None,
            sources=sources,
            author=person_of(shown) if isinstance(shown, Message) else None,
            origin=origin_of(shown),
            link=(shown.link or "") if isinstance(shown, Message) else "",
            sent=message.date.timestamp(),
        )


def origin_of(message: Message | ExternalReplyInfo | None) -> int | None:
    """Who first sent a forwarded message, or one of another chat that is replied to; Telegram may hide it."""
    origin = message.origin if isinstance(message, ExternalReplyInfo) else message and message.forward_origin
    if isinstance(origin, MessageOriginUser):
        return origin.sender_user.id
    if isinstance(origin, MessageOriginChat):
        return origin.sender_chat.id
    return origin.chat.id if isinstance(origin, MessageOriginChannel) else None


def place_of(message: Message) -> Place:
    """Where an answer to a message goes. A thread id alone is no topic: plain reply threads have one too."""
    return Place(message.chat.id, thread_of(message), message.message_id)


def thread_of(message: Message) -> int | None:
    """The topic that a message is in."""
    return message.message_thread_id if message.is_topic_message else None


def person_of(message: Message) -> int:
    """Who sent it; anonymous admins and channels all share one user, so their own chat stands for them."""
    if message.sender_chat:
        return message.sender_chat.id
    return message.from_user.id if message.from_user else message.chat.id


def language_of(message: Message) -> str:
    """The language of the sender's app."""
    return (message.from_user.language_code if message.from_user else None) or "en"
