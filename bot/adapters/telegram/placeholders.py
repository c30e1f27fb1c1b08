"""The message that whoever asks sees at once, and that becomes the answer."""

import logging

from bot.adapters.telegram.asks import Ask
from bot.adapters.telegram.attachments import Attachments
from bot.adapters.telegram.delivery import Delivery, Undeliverable, plain
from bot.inbox import Inbox, TakenOver
from bot.wording import say

logger = logging.getLogger(__name__)


class Placeholders:
    """Sends and replaces them; in the private chat of whoever asked where the group shall not, or can not, have them."""

    def __init__(self, delivery: Delivery, inbox: Inbox, attachments: Attachments) -> None:
        self._delivery = delivery
        self._inbox = inbox
        self._attachments = attachments

    async def hold(self, ask: Ask, deadline: float, *, aside: bool = False) -> None:
        """Send one, and note it. `aside`: in private, with those who have written to the bot."""
        if aside:
            ask.aside = ask.user > 0 and await self._attachments.reaches(ask.user)
        text = plain(say("telegram.looking", ask.language))
        try:
            ask.placeholder = await self._delivery.send(ask.answer_place, text, deadline)
        except Undeliverable as error:
            await self.step_aside(ask, error)
            ask.placeholder = await self._delivery.send(ask.answer_place, text, deadline)
        try:
            await self._inbox.update(ask.keys[0], placeholder=ask.placeholder, aside=ask.aside)
        except TakenOver:
            await self._delivery.withdraw(ask.answer_place, ask.placeholder)
            raise

    async def step_aside(self, ask: Ask, error: Undeliverable) -> None:
        """A group that the bot can't write in (any more): whoever asked gets the answer in private, if that can be."""
        if ask.aside or ask.place.chat > 0 or ask.user <= 0 or not await self._attachments.reaches(ask.user):
            raise error
        logger.warning("Telegram: an answer goes to the private chat of who asked: %s", error)
        ask.aside = True

    async def replace(self, ask: Ask, text: str, deadline: float) -> None:
        """A sentence instead of an answer; where nobody asked, nobody is told."""
        if ask.placeholder:
            await self._delivery.edit(ask.answer_place, ask.placeholder, text, deadline)
        elif not ask.automatic:
            await self._delivery.send(ask.place, text, deadline)
