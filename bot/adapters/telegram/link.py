"""The wire to the Bot API: python-telegram-bot's bot, set up so that nothing leaks, wedges or drops a batch."""

import importlib
import logging
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

from telegram import Update
from telegram.error import InvalidToken, TelegramError
from telegram.ext import AIORateLimiter, BaseRateLimiter, ExtBot
from telegram.request import HTTPXRequest

from bot.settings import TelegramSettings

logger = logging.getLogger(__name__)

ALLOWED_UPDATES = ("message", "callback_query", "my_chat_member")
OFFICIAL = "https://api.telegram.org"
Bot = ExtBot[Callable[[], Awaitable[None]]]
_PACED = frozenset({"sendMessage", "sendPhoto", "sendDocument", "editMessageText", "editMessageReplyMarkup"})

# With this, waiting times are timedeltas; without it, every 429 raises a deprecation warning in the library.
os.environ.setdefault("PTB_TIMEDELTA", "1")


@dataclass(frozen=True, slots=True)
class Timings:
    """How long things take, in seconds; tests make them short."""

    poll: int = 30  # how long Telegram holds a poll
    album: float = 1.5  # an album is complete this long after its last part
    first_retry: float = 0.5
    longest_retry: float = 30.0
    conflict: float = 5.0  # the first pause after a 409; doubles
    rights: float = 300.0  # how long the answer of getChatMember is believed
    whisper: float = 8.0  # how long a pressed button waits for its picture; after 15 s Telegram takes no whisper
    drain: float = 15.0  # how long a shutdown waits for what was accepted
    group_messages: float = 20.0  # Telegram's limit of messages in one group ...
    group_seconds: float = 60.0  # ... in this time


def endpoints(settings: TelegramSettings) -> tuple[str, str]:
    """The addresses that the token is appended to, for methods and for files.

    `base_url` may be given with or without "/bot"; an empty `base_file_url` follows from it.
    """
    root = (settings.base_url or OFFICIAL).rstrip("/").removesuffix("/bot")
    files = (settings.base_file_url or f"{root}/file").rstrip("/").removesuffix("/bot")
    return f"{root}/bot", f"{files}/bot"


def deep_link(username: str, payload: str, *, group: bool = False) -> str:
    """A link that opens the bot's private chat (or lets a person choose a group for it) and sends /start with `payload`.

    Telegram takes 64 characters: letters, digits, "_" and "-".
    """
    return f"https://t.me/{username}?start{'group' if group else ''}={payload}"


class UpdatesRequest(HTTPXRequest):
    """The connection that polls. One update that the library can't read must not drop the whole batch."""

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        """The answer, with unreadable updates replaced by empty ones of the same id, which confirms them."""
        answer = HTTPXRequest.parse_json_payload(payload)
        if isinstance(answer.get("result"), list):
            answer["result"] = [readable(update) for update in answer["result"]]
        return answer


def readable(update: Any) -> dict[str, Any]:
    """The update itself when the library can read it, an empty one of the same id when it can't."""
    try:
        Update.de_json(update, None)
    except Exception as error:
        number = update.get("update_id") if isinstance(update, dict) else None
        logger.warning("Telegram sent an update that can't be read (id %s: %s); it is skipped", number, error)
        return {"update_id": number if isinstance(number, int) else 0}
    return dict(update)


class Pace(AIORateLimiter):
    """Telegram's limits on messages: 30 a second in all, 20 a minute in a group.

    Only messages are held back: a question such as getChatMember must not wait behind a group's full minute. And a 429
    is handled by Delivery, for the chat that it is about: AIORateLimiter's own retry would stop every other chat too.
    """

    def __init__(self, timings: Timings) -> None:
        super().__init__(group_max_rate=timings.group_messages, group_time_period=timings.group_seconds, max_retries=0)

    async def process_request(
        self,
        callback: Any,
        args: Any,
        kwargs: dict[str, Any],
        endpoint: str,
        data: dict[str, Any],
        rate_limit_args: Any,
    ) -> Any:
        """Run a call, when its turn has come. `rate_limit_args` may be something to await right before it."""

        async def call(*args: Any, **kwargs: Any) -> Any:
            if rate_limit_args is not None:
                await rate_limit_args()
            return await callback(*args, **kwargs)

        if endpoint not in _PACED:
            return await call(*args, **kwargs)
        return await super().process_request(call, args, kwargs, endpoint, data, None)


def connect(settings: TelegramSettings, timings: Timings) -> Bot:
    """A bot that is not initialized yet. Belongs in a thread: certificates are read, and httpx's own parts imported."""
    for name in ("anyio.streams.tls", "anyio.to_thread", "anyio._backends._asyncio"):
        with suppress(ImportError):  # these would be imported by the first call, in the event loop
            importlib.import_module(name)
    # Addresses hold the token: httpx logs every one at INFO, the library its own two at DEBUG.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.getLogger("telegram").setLevel(logging.INFO)
    # These log a traceback for every 429 and for every 502 page; the callers say it in one line.
    for name in ("telegram.ext.AIORateLimiter", "telegram.request.BaseRequest"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    base_url, base_file_url = endpoints(settings)
    # One connection alone can wedge the polling when it dies half-open, hence a pool for it too.
    polling = UpdatesRequest(connection_pool_size=4, read_timeout=10.0, connect_timeout=10.0, pool_timeout=10.0)
    calls = HTTPXRequest(
        connection_pool_size=64, read_timeout=20.0, write_timeout=20.0, connect_timeout=10.0, pool_timeout=30.0
    )
    return ExtBot(
        settings.token.reveal(),
        base_url=base_url,
        base_file_url=base_file_url,
        request=calls,
        get_updates_request=polling,
        rate_limiter=cast("BaseRateLimiter[Callable[[], Awaitable[None]]]", Pace(timings)),
    )


def said_by_telegram(error: InvalidToken) -> bool:
    """Whether the refusal has the form of a Bot API answer, or is some proxy's page."""
    return not isinstance(error.__cause__, TelegramError)  # that cause means: the answer was no JSON
