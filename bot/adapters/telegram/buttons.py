"""Pressed buttons: which part answers them, and "Wrong?" itself."""

from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

from telegram import CallbackQuery

from bot.adapters.telegram.answers import APPEAL, WHY, WRONG
from bot.adapters.telegram.appeals import Appeals
from bot.adapters.telegram.casebook import CASE, CaseBook
from bot.adapters.telegram.delivery import Delivery
from bot.adapters.telegram.gate import Gate, person_key, server_of
from bot.adapters.telegram.pages import SETTINGS
from bot.adapters.telegram.panel import Panel
from bot.adapters.telegram.personal import FORGET, Personal
from bot.adapters.telegram.pictures import Kept, Pictures
from bot.adapters.telegram.why import Why
from bot.community import Community, Rules
from bot.core import Asker, Checker
from bot.errors import Refusal
from bot.sensitivity import at
from bot.verdict import Label, Verdict
from bot.wording import refused, say

_SAYS = {Label.AI: "real", Label.REAL: "ai", Label.UNSURE: ""}  # who objects to a verdict says the opposite


class Reports:
    """ "Wrong?": keeps that somebody objects, tells the moderators, and keeps the picture where the group wants to learn from it."""

    def __init__(
        self,
        delivery: Delivery,
        checker: Checker,
        community: Community,
        gate: Gate,
        pictures: Pictures,
        casebook: CaseBook,
    ) -> None:
        self._delivery = delivery
        self._checker = checker
        self._community = community
        self._gate = gate
        self._pictures = pictures
        self._casebook = casebook

    async def press(self, query: CallbackQuery, digest: str) -> None:
        """Somebody pressed it."""
        kept = self._pictures.below(query, digest)
        chat = kept.chat if kept else query.message.chat.id if query.message else query.from_user.id
        language = await self._gate.language(chat, query.from_user.language_code)
        verdict = await self._checker.recall(digest)
        if verdict is None:
            await self._delivery.alert(query.id, say("telegram.too_old", language))
            return
        person, rules = person_key(query.from_user.id), await self._gate.rules(chat)
        shown = replace(verdict, arrival=kept.sources[0].arrival) if kept else verdict
        shown = at(shown, self._checker.model, rules.sensitivity)
        try:
            new = await self._checker.report(digest, Asker(f"telegram:chat/{chat}", person), _SAYS[shown.label])
        except Refusal as refusal:
            await self._delivery.alert(query.id, refused(refusal, language))
            return
        review = self._community.review
        if not new:
            said = say("telegram.noted_before", language)
        elif kept and rules.review and review.enabled:
            said = say("community.reported-kept", language, days=review.keep_days)
        else:
            said = say("telegram.noted", language)
        await self._delivery.alert(query.id, said)
        if new and kept and kept.chat < 0:
            await self._hand_on(kept, shown, person, rules, language)

    async def _hand_on(self, kept: Kept, verdict: Verdict, reporter: str, rules: Rules, language: str) -> None:
        """The report reaches the review and, as a case, the moderators, where the group has them."""
        if kept.author is None:
            return
        try:
            for owner in kept.owners:
                await self._gate.leave_alone(owner, None)
        except Refusal:
            return
        server, author = server_of(kept.chat), person_key(kept.author)
        if rules.review and (picture := await self._pictures.fetch(kept, verdict.sha256, language)):
            await self._community.review.keep(server, picture.data, verdict, author, reporter, "report", rules)
        if rules.log_channel is not None:
            case = await self._community.cases.open(server, verdict, author, kept.link)
            if case.log_message is None:
                await self._casebook.show(case)


class Buttons:
    """Finds who answers. The data of a button may be anything: modified apps can send what they like."""

    def __init__(
        self,
        delivery: Delivery,
        why: Why,
        reports: Reports,
        appeals: Appeals,
        casebook: CaseBook,
        panel: Panel,
        personal: Personal,
    ) -> None:
        self._delivery = delivery
        self._handlers: dict[str, Callable[[CallbackQuery, str], Coroutine[Any, Any, None]]] = {
            WHY: why.press,
            WRONG: reports.press,
            APPEAL: appeals.press,
            CASE: casebook.press,
            SETTINGS: panel.press,
            FORGET: personal.press,
        }

    async def press(self, query: CallbackQuery) -> None:
        """One pressed button."""
        action, _, value = (query.data or "").partition(":")
        handler = self._handlers.get(action)
        if handler:
            await handler(query, value)
        else:
            await self._delivery.alert(query.id, "")
