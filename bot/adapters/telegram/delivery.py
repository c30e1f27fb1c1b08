"""Calls to Telegram that must succeed: repeated with back-off until they do, or until nobody waits any more."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from html import escape
from typing import TypeVar

import httpx
from telegram import ForceReply, InlineKeyboardMarkup, LinkPreviewOptions, ReplyParameters
from telegram.constants import ParseMode
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
)

from bot.adapters.telegram.link import Bot, Timings, said_by_telegram
from bot.adapters.telegram.updates import about_to_speak

logger = logging.getLogger(__name__)
T = TypeVar("T")
Note = Callable[[bool], Awaitable[None]]

LONGEST_ALERT = 200  # Telegram's limit for the answer to a pressed button, in characters

_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)


class Undeliverable(Exception):
    """It can never be delivered (blocked, chat or message gone, no rights). str() says why, in Telegram's words."""

    @property
    def deleted(self) -> bool:
        """Whether the message that was to be changed is gone."""
        return "message to edit not found" in str(self).casefold()


class Stale(Exception):
    """It could not be delivered while it was worth it."""


class Uncertain(Exception):
    """The connection broke after the message was sent: it may have arrived, so it is not sent again."""


class TokenRefused(Exception):
    """Telegram refuses the token: the adapter is about to give up, and what is open stays in the inbox."""


class NotFound(Exception):
    """404 for this one address, while the token is good."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an answer goes: chat, topic, and the message that it replies to."""

    chat: int
    thread: int | None = None
    reply_to: int | None = None


class Delivery:
    """Sends, edits and asks through one bot. Deadlines are `time.time()` seconds."""

    def __init__(self, bot: Bot, timings: Timings) -> None:
        self._bot = bot
        self._timings = timings
        self._open_at: dict[int, float] = {}  # chats that Telegram told us to leave alone for a while
        self.refused = asyncio.Event()  # set when the token is refused

    async def send(
        self,
        place: Place,
        text: str,
        deadline: float,
        keyboard: InlineKeyboardMarkup | ForceReply | None = None,
        *,
        note: Note | None = None,
        silent: bool = False,
        alone: bool = True,
    ) -> int:
        """Send HTML and return the message's id; `silent` rings nobody's phone.

        `alone`: also where the message that it replies to is gone.

        With `note`, what may have arrived is never sent again: `note(True)` is awaited right before each try, and
        `note(False)` when it surely did not arrive.
        """

        await about_to_speak()

        async def call(reply_to: int | None) -> int:
            reply = ReplyParameters(reply_to, allow_sending_without_reply=alone) if reply_to else None
            try:
                message = await self._bot.send_message(
                    place.chat,
                    text,
                    parse_mode=ParseMode.HTML,
                    reply_markup=keyboard,
                    message_thread_id=place.thread,
                    reply_parameters=reply,
                    link_preview_options=_NO_PREVIEW,
                    disable_notification=silent or None,
                    rate_limit_args=partial(note, True) if note else None,
                )
            except TelegramError as error:
                if note and not _may_have_arrived(error):
                    await note(False)
                raise
            return message.message_id

        try:
            return await self._until_done(place.chat, lambda: call(place.reply_to), deadline, again=note is None)
        except ChatMigrated as moved:
            return await self.send(Place(moved.new_chat_id), text, deadline, keyboard, note=note, silent=silent)
        except BadRequest as error:
            if (
                alone
                and place.reply_to
                and "repl" in error.message.casefold()
                and "not found" in error.message.casefold()
            ):
                return await self.send(
                    Place(place.chat, place.thread), text, deadline, keyboard, note=note, silent=silent
                )
            raise Undeliverable(error.message) from None
        except Forbidden as error:
            raise Undeliverable(error.message) from None

    async def edit(
        self, place: Place, message: int, text: str, deadline: float, keyboard: InlineKeyboardMarkup | None = None
    ) -> None:
        """Give a message its final text. Doing it twice is the same as doing it once."""

        async def call() -> None:
            await self._bot.edit_message_text(
                text,
                place.chat,
                message,
                parse_mode=ParseMode.HTML,
                reply_markup=keyboard,
                link_preview_options=_NO_PREVIEW,
            )

        try:
            await self._until_done(place.chat, call, deadline)
        except ChatMigrated as moved:
            await self.send(Place(moved.new_chat_id), text, deadline, keyboard)
        except BadRequest as error:
            if "not modified" not in error.message.casefold():
                raise Undeliverable(error.message) from None
        except Forbidden as error:
            raise Undeliverable(error.message) from None

    async def withdraw(self, place: Place, message: int) -> None:
        """Take back a message of ours that nothing comes of, if that can be done."""
        try:
            await self.ask(lambda: self._bot.delete_message(place.chat, message))
        except (TelegramError, Stale) as error:
            logger.info("Telegram: a message could not be taken back: %s", error)

    async def alert(self, query: str, text: str, *, url: str | None = None) -> None:
        """Answer a pressed button, seen only by who pressed it; `url` is a link to the bot that opens there.

        Telegram forgets the press within seconds.
        """

        async def call() -> None:
            short = text if len(text) <= LONGEST_ALERT else text[: LONGEST_ALERT - 1] + "…"
            await self._bot.answer_callback_query(query, short, show_alert=bool(text), url=url)

        try:
            await self._until_done(0, call, time.time() + 10)
        except (TelegramError, Stale) as error:
            logger.info("A pressed button could not be answered: %s", error)

    async def download(self, file: str, limit: int, deadline: float) -> bytes | None:
        """The bytes of a file id; None when it is larger than `limit`. Raises BadRequest and NotFound."""
        entry = await self._until_done(0, lambda: self._bot.get_file(file), deadline)
        if entry.file_size and entry.file_size > limit:
            return None
        data = await self._until_done(0, entry.download_as_bytearray, deadline, missing=True)
        return bytes(data) if len(data) <= limit else None

    async def ask(self, call: Callable[[], Awaitable[T]], seconds: float = 30.0) -> T:
        """Any other call that may be repeated."""
        return await self._until_done(0, call, time.time() + seconds)

    async def token_is_refused(self, error: InvalidToken) -> bool:
        """Whether Telegram really refuses the token. The library says InvalidToken for every 404, of a proxy too."""
        if not said_by_telegram(error):
            return False
        try:
            await self._bot.get_me()
        except InvalidToken as again:
            if said_by_telegram(again):
                self.refused.set()
        except TelegramError as other:
            logger.info("Telegram: whether the token is refused can't be told yet (%s)", other)
        return self.refused.is_set()

    async def _until_done(
        self,
        chat: int,
        call: Callable[[], Awaitable[T]],
        deadline: float,
        *,
        again: bool = True,
        missing: bool = False,
    ) -> T:
        delay = self._timings.first_retry
        while True:
            await self._turn(chat, deadline)
            try:
                return await call()
            except RetryAfter as error:
                wait = _seconds(error.retry_after)
                if chat:
                    self._open_at[chat] = time.time() + wait
                what = str(error)
            except (BadRequest, Forbidden, ChatMigrated):
                raise
            except InvalidToken as error:
                if await self.token_is_refused(error):
                    raise TokenRefused from None
                if missing:
                    raise NotFound from None
                wait, what = delay, "404"
            except TelegramError as error:
                if not again and _may_have_arrived(error):
                    raise Uncertain(brief(error)) from None
                wait, what = delay, brief(error)
            if time.time() + wait > deadline:
                raise Stale(what)
            logger.info("Telegram: %s; trying again in %.1f s", what, wait)
            await asyncio.sleep(wait)
            delay = min(delay * 2, self._timings.longest_retry)

    async def _turn(self, chat: int, deadline: float) -> None:
        """Wait until a chat that was flooded takes messages again."""
        while (wait := self._open_at.get(chat, 0.0) - time.time()) > 0:
            if time.time() + wait > deadline:
                raise Stale("flood control")
            await asyncio.sleep(wait)
        self._open_at.pop(chat, None)


def plain(text: str) -> str:
    """A sentence as HTML."""
    return escape(text, quote=False)


def uncalled(text: str) -> str:
    """A stranger's text, in which no name becomes a mention: that would call somebody."""
    return text.replace("@", "@\u200b")


def brief(error: TelegramError) -> str:
    """What went wrong, without the page that a proxy sent along."""
    return str(error).partition(". Parsing the server response")[0].removeprefix("Conflict: ").rstrip(". ")


def _seconds(wait: int | timedelta) -> float:
    return wait.total_seconds() if isinstance(wait, timedelta) else float(wait)


def _may_have_arrived(error: TelegramError) -> bool:
    """Whether the connection broke (or fell silent) after the request was out; an answer such as 502 is a no."""
    if isinstance(error, NetworkError):
        cause = error.__cause__
        return isinstance(cause, httpx.HTTPError) and not isinstance(cause, _NEVER_SENT)
    return type(error) is TelegramError  # an answer of 200 that can't be read
