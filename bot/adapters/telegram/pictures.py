"""The pictures of recent answers, to be had again: where they are, never their bytes.

What is remembered is in memory only. After a restart, the message that an answer replies to still shows the picture.
"""

import asyncio
import hashlib
import logging
import time
from collections import OrderedDict
from dataclasses import dataclass

from telegram import CallbackQuery, Message

from bot.adapters.telegram.albums import Albums
from bot.adapters.telegram.asks import origin_of, person_of
from bot.adapters.telegram.delivery import Delivery, Stale
from bot.adapters.telegram.sources import Source, fetch
from bot.core import Picture
from bot.errors import Refusal

logger = logging.getLogger(__name__)

DIGITS = 32  # of a picture's hash, as buttons carry it

_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Kept:
    """A picture that was judged in `chat`; one of several `sources`. `link` leads to it.

    `author` is who posted it, and `origin` who first sent it, as far as that is known.
    """

    chat: int
    sources: tuple[Source, ...]
    author: int | None = None
    link: str = ""
    origin: int | None = None

    @property
    def owners(self) -> tuple[int | None, int | None]:
        """Those who may want it to be left alone."""
        return self.author, self.origin


class Pictures:
    """By the chat that a picture was judged in, or by the person who may see it elsewhere too."""

    def __init__(self, delivery: Delivery, albums: Albums, most_bytes: int, most: int = 5000) -> None:
        self._delivery = delivery
        self._albums = albums
        self._most_bytes = most_bytes
        self._most = most
        self._kept: OrderedDict[tuple[int, str], Kept] = OrderedDict()

    def remember(self, scope: int, digest: str, kept: Kept) -> None:
        """`scope` is a chat or a person; the oldest is forgotten when there are too many."""
        self._kept[scope, digest[:DIGITS]] = kept
        self._kept.move_to_end((scope, digest[:DIGITS]))
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def find(self, scope: int, digest: str) -> Kept | None:
        """The picture of this hash, as far as this chat or person knows it."""
        return self._kept.get((scope, digest[:DIGITS]))

    def below(self, query: CallbackQuery, digest: str) -> Kept | None:
        """The picture of an answer whose button was pressed."""
        message = query.message
        if message is None:
            return None
        kept = self.find(message.chat.id, digest)
        reply = message.reply_to_message if isinstance(message, Message) else None
        if kept or reply is None:
            return kept
        sources = tuple(self._albums.all_of(reply))
        if not sources:
            return None
        return Kept(message.chat.id, sources, person_of(reply), reply.link or "", origin_of(reply))

    async def fetch(self, kept: Kept, digest: str, language: str) -> Picture | None:
        """The picture of that hash; None when it is gone, or another one has its place."""
        for source in kept.sources:
            try:
                picture = await fetch(source, self._delivery, self._most_bytes, time.time() + _PATIENCE, language)
            except (Refusal, Stale) as error:
                logger.info("Telegram: a picture can't be had again: %s", error)
                continue
            if (await asyncio.to_thread(hashlib.sha256, picture.data)).hexdigest().startswith(digest[:DIGITS]):
                return picture
        return None
