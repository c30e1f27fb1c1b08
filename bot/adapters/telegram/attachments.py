"""Pictures and files that Candid itself sends."""

from collections.abc import Awaitable, Callable

from telegram import Message, ReplyParameters
from telegram.constants import ChatAction, ParseMode
from telegram.error import BadRequest, ChatMigrated, Forbidden, TelegramError

from bot.adapters.telegram.delivery import Delivery, Place, Stale, Undeliverable, plain
from bot.adapters.telegram.link import Bot
from bot.adapters.telegram.updates import about_to_speak

LONGEST_CAPTION = 1024
LONGEST_TEXT = 4096


class Attachments:
    """Sends them through one bot."""

    def __init__(self, bot: Bot, delivery: Delivery) -> None:
        self._bot = bot
        self._delivery = delivery

    async def photo(self, place: Place, photo: bytes, caption: str) -> None:
        """Send a picture with HTML below it."""
        await self._send(
            lambda: self._bot.send_photo(
                place.chat,
                photo,
                caption or None,
                parse_mode=ParseMode.HTML,
                message_thread_id=place.thread,
                reply_parameters=_reply(place),
                filename="why.png",
            )
        )

    async def file(self, place: Place, data: bytes, name: str, caption: str) -> None:
        """Send a file with HTML below it."""
        await self._send(
            lambda: self._bot.send_document(
                place.chat,
                data,
                caption=caption,
                filename=name,
                parse_mode=ParseMode.HTML,
                message_thread_id=place.thread,
                reply_parameters=_reply(place),
            )
        )

    async def reaches(self, person: int) -> bool:
        """Whether the bot may write to a person in private: only those who have started it, and don't block it.

        The person sees for a moment that a picture is being sent.
        """
        try:
            await self._delivery.ask(lambda: self._bot.send_chat_action(person, ChatAction.UPLOAD_PHOTO), 10)
        except (TelegramError, Stale):
            return False
        return True

    async def _send(self, call: Callable[[], Awaitable[Message]]) -> None:
        await about_to_speak()
        try:
            await self._delivery.ask(call, 60)
        except (BadRequest, Forbidden, ChatMigrated) as error:
            raise Undeliverable(error.message) from None


def _reply(place: Place) -> ReplyParameters | None:
    return ReplyParameters(place.reply_to, allow_sending_without_reply=True) if place.reply_to else None


def clipped(text: str, most: int = LONGEST_TEXT) -> str:
    """A plain text as HTML that is short enough; Telegram counts it without the marks of HTML."""
    return plain(text if len(text) <= most else text[: most - 1] + "…")
