"""The parts of albums, which come as messages of their own, perhaps to several processes."""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Protocol

from telegram import Message

from bot.adapters.telegram.sources import Source, source_of
from bot.settings import Settings


class Shelf(Protocol):
    """Where several processes put parts of albums for each other (bot/scale/albums.py)."""

    async def put(self, album: str, number: int, part: Mapping[str, Any]) -> None:
        """Remember one part, by its message's number."""

    async def parts(self, album: str) -> dict[int, dict[str, Any]]:
        """Every part that any process has seen."""
        ...

    async def close(self) -> None:
        """Nothing is asked any more."""


class Albums:
    """The parts of recent albums, as far as they were seen: `/check` on one picture is about all of them."""

    def __init__(self, most: int = 500, shelf: Shelf | None = None) -> None:
        self._most = most
        self._shelf = shelf
        self._parts: OrderedDict[tuple[int, str], dict[int, Source]] = OrderedDict()

    async def remember(self, message: Message) -> None:
        """Note a part; the oldest album is forgotten when there are too many. What is replied to is looked up, too."""
        source, answered = source_of(message), message.reply_to_message
        if source is not None and message.media_group_id is not None:
            name = (message.chat.id, message.media_group_id)
            self._note(name, {message.message_id: source})
            if self._shelf is not None:
                await self._shelf.put(_on_shelf(*name), message.message_id, source.payload())
        elif answered is not None and answered.media_group_id is not None:
            await self.look_up(answered.chat.id, answered.media_group_id)

    async def look_up(self, chat: int, album: str) -> dict[int, Source]:
        """The known parts of an album by their messages' numbers, also those that came to other processes."""
        if self._shelf is not None and (found := await self._shelf.parts(_on_shelf(chat, album))):
            self._note((chat, album), {number: Source.of_payload(part) for number, part in found.items()})
        return self._parts.get((chat, album), {})

    async def close(self) -> None:
        """Nothing is asked any more."""
        if self._shelf is not None:
            await self._shelf.close()

    def _note(self, name: tuple[int, str], parts: Mapping[int, Source]) -> None:
        self._parts.setdefault(name, {}).update(parts)
        self._parts.move_to_end(name)
        if len(self._parts) > self._most:
            self._parts.popitem(last=False)

    def all_of(self, message: Message) -> list[Source]:
        """Every known picture of the album that a message is part of, in order; of a single message, its own."""
        source = source_of(message)
        if source is None:
            return []
        parts = self._parts.get((message.chat.id, message.media_group_id or ""), {}) | {message.message_id: source}
        return [parts[number] for number in sorted(parts)]


def _on_shelf(chat: int, album: str) -> str:
    return f"{chat}/{album}"


def shelf_of(settings: Settings) -> Shelf | None:
    """Where processes tell each other of parts of albums, if they have a Redis."""
    if not settings.scale.redis:
        return None
    from bot.scale.albums import AlbumShelf

    return AlbumShelf(settings.scale.redis)
