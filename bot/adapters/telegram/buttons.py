"""The buttons below an answer: "Why?" and "Wrong?"."""

import time

from telegram import CallbackQuery
from telegram.constants import ChatType

from bot.adapters.telegram.answers import ALERT, WHY, WRONG, short_why
from bot.adapters.telegram.delivery import Delivery, Place, plain
from bot.adapters.telegram.groups import AUTOMATIC, Groups
from bot.core import Asker, Checker
from bot.verdict import Label
from bot.wording import say, why

_SAYS = {Label.AI: "real", Label.REAL: "ai", Label.UNSURE: ""}  # who objects to a verdict says the opposite


class Buttons:
    """Answers pressed buttons where only the one who pressed sees it, if it fits."""

    def __init__(self, delivery: Delivery, checker: Checker, groups: Groups) -> None:
        self._delivery = delivery
        self._checker = checker
        self._groups = groups

    async def press(self, query: CallbackQuery) -> None:
        """One pressed button. The data may be anything: modified apps can send what they like."""
        action, _, value = (query.data or "").partition(":")
        if action == AUTOMATIC:
            await self._groups.press(query, value)
        elif action == WHY:
            await self._why(query, value)
        elif action == WRONG:
            await self._wrong(query, value)
        else:
            await self._delivery.alert(query.id, "")

    async def _why(self, query: CallbackQuery, digest: str) -> None:
        language = query.from_user.language_code or "en"
        verdict = await self._checker.recall(digest)
        if verdict is None:
            await self._delivery.alert(query.id, say("telegram.too_old", language))
            return
        text = why(verdict, language)
        if len(text) <= ALERT:
            await self._delivery.alert(query.id, text)
        elif query.message and query.message.chat.type == ChatType.PRIVATE:
            await self._delivery.alert(query.id, "")
            place = Place(query.message.chat.id, reply_to=query.message.message_id)
            await self._delivery.send(place, plain(text), time.time() + 60)
        else:  # in a group the long form would be one more message for everybody
            await self._delivery.alert(query.id, short_why(verdict, language))

    async def _wrong(self, query: CallbackQuery, digest: str) -> None:
        language = query.from_user.language_code or "en"
        verdict = await self._checker.recall(digest)
        if verdict is None:
            await self._delivery.alert(query.id, say("telegram.too_old", language))
            return
        chat = query.message.chat.id if query.message else query.from_user.id
        asker = Asker(chat=f"telegram:chat/{chat}", user=f"telegram:user/{query.from_user.id}")
        new = await self._checker.report(digest, asker, _SAYS[verdict.label])
        await self._delivery.alert(query.id, say("telegram.noted" if new else "telegram.noted_before", language))
