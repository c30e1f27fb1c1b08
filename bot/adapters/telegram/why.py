""" "Why?": the heat map, the bands and the reasons, shown to whoever asks and, as far as Telegram can, to nobody else.

In a group that is a whisper (see whispers.py). Where the Bot API server does not know whispers, it is the private chat
with whoever has started one, and for others a link that opens it.
"""

import asyncio
import time
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from typing import Any

from telegram import CallbackQuery, Message
from telegram.constants import ChatType

from bot.adapters.telegram.asks import language_of, place_of, thread_of
from bot.adapters.telegram.attachments import LONGEST_CAPTION, Attachments, clipped
from bot.adapters.telegram.delivery import Delivery, Place, plain
from bot.adapters.telegram.gate import Gate
from bot.adapters.telegram.link import Timings, deep_link
from bot.adapters.telegram.pictures import DIGITS, Kept, Pictures
from bot.adapters.telegram.whispers import Ear, Whispers
from bot.core import Asker, Checker
from bot.errors import Refusal, TryLater
from bot.record import record
from bot.sensitivity import at
from bot.verdict import Verdict
from bot.wording import refused, say, why

START = "why"  # what a link to the private chat begins with
_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class _Question:
    """Who wants to know which verdict's reasons. `chat` is where the picture was judged."""

    verdict: Verdict
    kept: Kept | None
    person: int
    chat: int
    language: str


@dataclass(frozen=True, slots=True)
class _Reasons:
    """What is shown: the words, and the heat map unless the words say why there is none."""

    text: str
    picture: bytes | None

    @property
    def caption(self) -> str | None:
        """The words as HTML below the picture, if they are short enough for that."""
        return plain(self.text) if len(self.text) <= LONGEST_CAPTION else None


class Why:
    """Answers the button, and the link that it may open."""

    def __init__(
        self,
        username: str,
        checker: Checker,
        delivery: Delivery,
        attachments: Attachments,
        whispers: Whispers,
        gate: Gate,
        pictures: Pictures,
        timings: Timings,
    ) -> None:
        self._username = username
        self._checker = checker
        self._delivery = delivery
        self._attachments = attachments
        self._whispers = whispers
        self._gate = gate
        self._pictures = pictures
        self._timings = timings

    async def press(self, query: CallbackQuery, digest: str) -> None:
        """Somebody pressed "Why?" below an answer."""
        message, person, kept = query.message, query.from_user.id, self._pictures.below(query, digest)
        chat = kept.chat if kept else message.chat.id if message else person
        language = await self._gate.language(chat, query.from_user.language_code)
        verdict = await self._checker.recall(digest)
        if verdict is None or message is None:
            await self._delivery.alert(query.id, say("telegram.too_old", language))
            return
        question = _Question(verdict, kept, person, chat, language)
        if message.chat.type == ChatType.PRIVATE:
            await self._delivery.alert(query.id, "")
            await self._attachments.reaches(person)  # shows that a picture is on its way
            await self._show(Place(person, reply_to=message.message_id), await self._reasons(question))
        elif await self._whispers.possible():
            thread = thread_of(message) if isinstance(message, Message) else None
            await self._whisper(question, Ear(message.chat.id, thread, person, query.id))
        elif await self._attachments.reaches(person):
            await self._delivery.alert(query.id, say("telegram.why_private", language))
            await self._show(Place(person), await self._reasons(question))
        else:
            await self._point(question, query.id)

    async def start(self, message: Message, digest: str) -> None:
        """Somebody followed the link to the private chat."""
        language, person = language_of(message), message.chat.id
        verdict = await self._checker.recall(digest)
        if verdict is None:
            text = plain(say("telegram.too_old", language))
            await self._delivery.send(place_of(message), text, time.time() + _PATIENCE)
            return
        kept = self._pictures.find(person, digest)
        question = _Question(verdict, kept, person, kept.chat if kept else person, language)
        await self._show(place_of(message), await self._reasons(question))

    async def _point(self, question: _Question, query: str) -> None:
        """Open the private chat, where `start` goes on. Who sees the picture in the group may see it there too."""
        if question.kept:
            self._pictures.remember(question.person, question.verdict.sha256, question.kept)
        link = deep_link(self._username, f"{START}_{question.verdict.sha256[:DIGITS]}")
        await self._delivery.alert(query, "", url=link)

    async def _whisper(self, question: _Question, ear: Ear) -> None:
        """In time for Telegram: when the drawing takes long, the words go before it."""
        work = asyncio.ensure_future(self._reasons(question))
        try:
            await asyncio.wait({work}, timeout=self._timings.whisper)
            if work.done():
                await self._answered(self._whispered(ear, work.result()), question, ear)
                return
            words = clipped(f"{await self._words(question)}\n{say('telegram.why_drawing', question.language)}")
            number = await self._answered(self._whispers.text(ear, words), question, ear)
            if number is None:
                return
            reasons = await work
            caption = clipped(reasons.text, LONGEST_CAPTION)
            if not (reasons.picture and await self._whispers.put_photo(ear, number, reasons.picture, caption)):
                await self._whispers.put_text(ear, number, clipped(reasons.text))
        finally:
            work.cancel()

    async def _answered(self, whisper: Coroutine[Any, Any, int | None], question: _Question, ear: Ear) -> int | None:
        """Answer the press after the whisper, which needs it; with the link when there is none."""
        number = await whisper
        if number is None:
            await self._point(question, ear.press)
        else:
            await self._delivery.alert(ear.press, "")
        return number

    async def _whispered(self, ear: Ear, reasons: _Reasons) -> int | None:
        if reasons.picture is None:
            return await self._whispers.text(ear, clipped(reasons.text))
        number = await self._whispers.photo(ear, reasons.picture, reasons.caption or "")
        return number if reasons.caption else await self._whispers.text(ear, clipped(reasons.text))

    async def _show(self, place: Place, reasons: _Reasons) -> None:
        if reasons.picture:
            await self._attachments.photo(place, reasons.picture, reasons.caption or "")
        if not (reasons.picture and reasons.caption):
            await self._delivery.send(place, clipped(reasons.text), time.time() + _PATIENCE)

    async def _reasons(self, question: _Question) -> _Reasons:
        """Draw it, and say it. Where it can't be drawn, the words say why."""
        language, sha256 = question.language, question.verdict.sha256
        asker = Asker(chat=f"telegram:chat/{question.chat}", user=f"telegram:user/{question.person}")
        try:
            for owner in question.kept.owners if question.kept else ():
                await self._gate.leave_alone(owner, question.person)
            await self._checker.admit(asker)  # before anything is fetched
        except (Refusal, TryLater) as error:
            return _Reasons(f"{await self._words(question)}\n{refused(error, language)}", None)
        picture = await self._pictures.fetch(question.kept, sha256, language) if question.kept else None
        if picture is None:
            return _Reasons(f"{await self._words(question)}\n{say('telegram.why_gone', language)}", None)
        rules = await self._gate.rules(question.chat)
        try:
            await self._gate.spend(question.chat, question.person, rules)  # it costs what a check costs
            drawn = await self._checker.explain(picture, asker, language, one_in=rules.sensitivity)
        except (Refusal, TryLater) as error:
            return _Reasons(f"{await self._words(question)}\n{refused(error, language)}", None)
        # It was drawn by the model that answers now, and the words must fit it.
        verdict = await self._checker.recall(sha256) or question.verdict
        return _Reasons(await self._words(replace(question, verdict=verdict)), drawn)

    async def _words(self, question: _Question) -> str:
        verdict, model = question.verdict, self._checker.model
        if question.kept:
            verdict = replace(verdict, arrival=question.kept.sources[0].arrival)
        verdict = at(verdict, model, (await self._gate.rules(question.chat)).sensitivity)
        return why(verdict, question.language, record(verdict, model))
