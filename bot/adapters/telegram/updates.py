"""Commands and pressed buttons as the inbox keeps them until they are dealt with, and who has begun to answer one."""

import json
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from typing import Any

from telegram import Update

from bot.adapters.telegram.link import Bot

_NAMES = {
    "first_name": "…",
    "last_name": None,
    "title": None,
}  # what stands in their places: people are kept by number only

# Awaited once, before the first message that a handler sends: it may raise, so that nothing is said twice.
_before_speaking: ContextVar[Callable[[], Awaitable[None]] | None] = ContextVar("before_speaking", default=None)


def when_speaking(first: Callable[[], Awaitable[None]] | None) -> None:
    """What is to be awaited before this task says something; None for nothing any more."""
    _before_speaking.set(first)


async def about_to_speak() -> None:
    """Called by whatever sends messages."""
    first = _before_speaking.get()
    if first is not None:
        await first()
        _before_speaking.set(None)


def written(update: Update) -> dict[str, Any]:
    """An update as it is written down."""
    person, chat = update.effective_user, update.effective_chat
    return {
        "user": person.id if person else None,
        "chat": chat.id if chat else None,
        "update": _bare(json.loads(update.to_json())),
    }


def read(payload: Mapping[str, Any], bot: Bot) -> Update:
    """Back from the inbox."""
    return Update.de_json(payload["update"], bot)


def _bare(value: Any) -> Any:
    """Without names, and without what people said in the message that is answered."""
    if isinstance(value, list):
        return [_bare(one) for one in value]
    if not isinstance(value, dict):
        return value
    left = {key: _NAMES.get(key, _bare(one)) for key, one in value.items()}
    answered = left.get("reply_to_message")
    if isinstance(answered, dict) and not (answered.get("from") or {}).get("is_bot"):
        left["reply_to_message"] = {k: v for k, v in answered.items() if "text" not in k and "caption" not in k}
    return {key: one for key, one in left.items() if one is not None}
