"""A verdict as a symbol on the picture's message, for groups that want no more than that."""

import logging

from telegram.constants import ReactionEmoji
from telegram.error import TelegramError

from bot.adapters.telegram.delivery import Delivery, Place, Stale
from bot.adapters.telegram.link import Bot
from bot.verdict import Label

logger = logging.getLogger(__name__)

# Of those that Telegram allows; neither a robot nor a camera is among them.
SYMBOLS = {
    Label.AI: ReactionEmoji.ALIEN_MONSTER,
    Label.REAL: ReactionEmoji.OK_HAND_SIGN,
    Label.UNSURE: ReactionEmoji.THINKING_FACE,
}


class Reactions:
    """Reacts through one bot."""

    def __init__(self, bot: Bot, delivery: Delivery) -> None:
        self._bot = bot
        self._delivery = delivery

    async def react(self, place: Place, label: Label) -> None:
        """Put the symbol on the message that `place` replies to; a group may have forbidden it."""
        message = place.reply_to
        if message is None:
            return
        try:
            await self._delivery.ask(
                lambda: self._bot.set_message_reaction(place.chat, message, SYMBOLS[label].value), 120
            )
        except (TelegramError, Stale) as error:
            logger.warning("Telegram: a verdict could not be shown as a reaction: %s", error)
