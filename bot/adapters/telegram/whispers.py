"""Messages in a group that one member sees and nobody else: Telegram's ephemeral messages (Bot API 10.3).

The library does not know them yet, so their parameters are passed by. A Bot API server that does not know them either
would show such a message to everybody: it is asked first, and what it makes of the first one is looked at.
"""

import logging
from dataclasses import dataclass
from typing import Any

from telegram import InputMediaPhoto, Message
from telegram.constants import ParseMode
from telegram.error import BadRequest, EndPointNotFound, TelegramError

from bot.adapters.telegram.delivery import Delivery, Stale, brief
from bot.adapters.telegram.link import Bot
from bot.adapters.telegram.updates import about_to_speak

logger = logging.getLogger(__name__)

_SECONDS = 5.0  # for which a call is repeated: a press allows a whisper for 15 seconds only


@dataclass(frozen=True, slots=True)
class Ear:
    """Who is whispered to, where, and the press of a button that allows it."""

    chat: int
    thread: int | None
    person: int
    press: str


class Whispers:
    """Sends and edits ephemeral messages."""

    def __init__(self, bot: Bot, delivery: Delivery) -> None:
        self._bot = bot
        self._delivery = delivery
        self._known: bool | None = None  # whether this Bot API server knows them

    async def possible(self) -> bool:
        """Whether the server knows them; a call without parameters does nothing, but tells."""
        if self._known is None:
            try:
                await self._bot.do_api_request("editEphemeralMessageText")
            except EndPointNotFound:
                self._known = False
            except BadRequest:
                self._known = True
            except TelegramError as error:
                logger.info("Telegram: whether it knows ephemeral messages can't be told yet (%s)", brief(error))
        return bool(self._known)

    async def text(self, ear: Ear, text: str) -> int | None:
        """Whisper HTML; the message's id, or None when it could not be done."""
        return await self._sent(
            ear,
            lambda: self._bot.send_message(
                ear.chat,
                text,
                parse_mode=ParseMode.HTML,
                message_thread_id=ear.thread,
                api_kwargs=_to(ear),
            ),
        )

    async def photo(self, ear: Ear, photo: bytes, caption: str) -> int | None:
        """Whisper a picture; the message's id, or None when it could not be done."""
        return await self._sent(
            ear,
            lambda: self._bot.send_photo(
                ear.chat,
                photo,
                caption or None,
                parse_mode=ParseMode.HTML,
                message_thread_id=ear.thread,
                api_kwargs=_to(ear),
            ),
        )

    async def put_photo(self, ear: Ear, message: int, photo: bytes, caption: str) -> bool:
        """Put a picture into a whisper that is there; false when that could not be done."""
        media = InputMediaPhoto(photo, caption or None, ParseMode.HTML, filename="why.png")
        return await self._put("editEphemeralMessageMedia", ear, message, media=media)

    async def put_text(self, ear: Ear, message: int, text: str) -> bool:
        """Give a whisper another text; false when that could not be done."""
        return await self._put("editEphemeralMessageText", ear, message, text=text, parse_mode=ParseMode.HTML.value)

    async def _put(self, method: str, ear: Ear, message: int, **values: Any) -> bool:
        values |= {"chat_id": ear.chat, "receiver_user_id": ear.person, "ephemeral_message_id": message}
        try:
            await self._delivery.ask(lambda: self._bot.do_api_request(method, values))
        except (TelegramError, Stale) as error:
            logger.info("Telegram: a message for one person could not be changed: %s", error)
            return False
        return True

    async def _sent(self, ear: Ear, call: Any) -> int | None:
        await about_to_speak()
        try:
            message: Message = await self._delivery.ask(call, _SECONDS)
        except (TelegramError, Stale) as error:
            logger.info("Telegram: a message for one person could not be sent: %s", error)
            return None
        number = message.api_kwargs.get("ephemeral_message_id")
        if number is None:
            logger.warning("Telegram: this Bot API server shows ephemeral messages to everybody; none is sent any more")
            self._known = False
            await self._delivery.ask(lambda: self._bot.delete_message(ear.chat, message.message_id))
            return None
        return int(number)


def _to(ear: Ear) -> dict[str, Any]:
    whom = {"receiver_user_id": ear.person, "callback_query_id": ear.press}
    return {"ephemeral_message_parameters": whom, **whom}  # the second form is that of Bot API 10.2
