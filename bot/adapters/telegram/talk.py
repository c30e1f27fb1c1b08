"""Answers to commands: in the language of the chat, to the message that asked."""

import time

from telegram import InlineKeyboardMarkup, Message

from bot.adapters.telegram.asks import place_of
from bot.adapters.telegram.delivery import Delivery, plain
from bot.adapters.telegram.gate import Gate

_PATIENCE = 120.0  # seconds for which the answer to a command is worth sending


class Talk:
    """Says sentences."""

    def __init__(self, delivery: Delivery, gate: Gate) -> None:
        self._delivery = delivery
        self._gate = gate

    async def language(self, message: Message) -> str:
        """The language in which a message is answered."""
        code = message.from_user.language_code if message.from_user else None
        return await self._gate.language(message.chat.id, code)

    async def say(self, message: Message, text: str, keyboard: InlineKeyboardMarkup | None = None) -> None:
        """Answer with plain text, and perhaps buttons below it."""
        await self._delivery.send(place_of(message), plain(text), time.time() + _PATIENCE, keyboard)
