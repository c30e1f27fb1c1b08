"""The desk where questions are accepted and answered, each once."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from weakref import WeakValueDictionary

from bot import trail
from bot.adapters.telegram.answers import Answer, Outcome, compose
from bot.adapters.telegram.asks import PLATFORM, Ask
from bot.adapters.telegram.casebook import CaseBook
from bot.adapters.telegram.delivery import Delivery, Stale, TokenRefused, Uncertain, Undeliverable, plain
from bot.adapters.telegram.gate import Gate
from bot.adapters.telegram.link import Timings
from bot.adapters.telegram.pictures import Kept, Pictures
from bot.adapters.telegram.placeholders import Placeholders
from bot.adapters.telegram.reactions import Reactions
from bot.adapters.telegram.sources import Source, fetch
from bot.community import Mode, Rules
from bot.core import Checker
from bot.errors import Refusal, TryLater
from bot.inbox import Inbox, TakenOver
from bot.limits import Lane
from bot.sensitivity import at
from bot.settings import Settings
from bot.verdict import Label, Verdict
from bot.wording import refused, say

logger = logging.getLogger(__name__)

_GRAVEST = (Label.AI, Label.UNSURE, Label.REAL)  # of an album, as one symbol shows it
_DOWNLOADS = 24  # pictures in memory at once ...
_DOWNLOADS_OF_A_CHAT = 6  # ... and of one chat, so that its album does not fill the desk


class _Later(Exception):
    """It can't be answered now, but after the next start: it stays in the inbox."""


class Desk:
    """Works on questions. What it has accepted is answered, or struck off with a line in the log that says why."""

    def __init__(
        self,
        settings: Settings,
        checker: Checker,
        inbox: Inbox,
        delivery: Delivery,
        gate: Gate,
        pictures: Pictures,
        casebook: CaseBook,
        reactions: Reactions,
        placeholders: Placeholders,
        timings: Timings,
        stop: asyncio.Event,
    ) -> None:
        self._limits = settings.checks
        self._checker = checker
        self._inbox = inbox
        self._delivery = delivery
        self._gate = gate
        self._pictures = pictures
        self._casebook = casebook
        self._reactions = reactions
        self._placeholders = placeholders
        self._timings = timings
        self._stop = stop
        self._albums: dict[tuple[int, str], Ask] = {}  # those that still get parts
        self.look_around: Callable[[Ask], Awaitable[bool]] | None = None  # for parts of an album that others got
        self._seats = asyncio.Semaphore(_DOWNLOADS)
        self._chats: WeakValueDictionary[int, asyncio.Semaphore] = WeakValueDictionary()

    def collects(self, chat: int, album: str | None) -> bool:
        """Whether an album is asked about and still gets parts."""
        return album is not None and (chat, album) in self._albums

    async def accept(self, ask: Ask) -> bool:
        """Write a question down. False when it is known already, or was a further part of an album that is."""
        if ask.automatic and time.time() - ask.sent > self._limits.fresh_minutes * 60:
            logger.info("Telegram: a picture is too old by now to be checked without being asked")
            return False  # the group talked on while the bot was away
        if not await self._inbox.accept(ask.keys[0], PLATFORM, ask.payload(), _group(ask)):
            return False
        return self._begins(ask)

    async def answer(self, ask: Ask) -> None:
        """Look at everything that is asked about and say it, once."""
        try:
            if ask.sending:
                logger.warning("An automatic answer was being sent when Candid stopped; it is not sent again")
            else:
                await self._answer(ask)
        except (TokenRefused, _Later):
            return
        except TakenOver:
            logger.info("Telegram: a question is another process' now")
            return
        except Stale as error:
            logger.warning("Telegram: a question can't be answered in time (%s)", error)
            await self.apologize(ask)
            return
        except (Undeliverable, Uncertain) as error:
            logger.warning("Telegram: an answer was given up: %s (%s)", type(error).__name__, error)
        except Exception:
            await self._fail(ask)
        finally:
            self._close_album(ask)
        await self._done(ask)

    async def resume(self, ask: Ask) -> None:
        """Answer what an earlier run left open. Telegram may be about to deliver the rest of an album."""
        if self._begins(ask):
            await self.answer(ask)

    async def apologize(self, ask: Ask) -> None:
        """A question that was left open for too long: its placeholder says so."""
        try:
            logger.warning("Telegram: a question is struck off unanswered: it is too old")
            language = (await self._gate.rules(ask.place.chat)).language or ask.language
            await self._placeholders.replace(ask, plain(say("telegram.stale", language)), time.time() + 60)
        except TokenRefused:
            return
        except (Undeliverable, Stale) as error:
            logger.warning("Telegram: a stale question could not be told: %s", error)
        await self._done(ask)

    async def _done(self, ask: Ask) -> None:
        for key in ask.keys:
            await self._inbox.done(key)
        if group := _group(ask):
            await self._inbox.done(group)

    def _begins(self, ask: Ask) -> bool:
        """False for a further part of an album that is asked about already, which takes it in."""
        if ask.album is None:
            return True
        ask.quiet_at = time.time() + self._timings.album
        first = self._albums.setdefault((ask.place.chat, ask.album), ask)
        if first is not ask:
            first.join(ask)
            first.quiet_at = ask.quiet_at
        return first is ask

    async def _answer(self, ask: Ask) -> None:
        deadline = self._deadline(ask)
        rules = await self._gate.rules(ask.place.chat)
        ask.language = rules.language or ask.language
        try:
            await self._admit(ask, rules, deadline)
            unasked = ask.automatic
            await self._complete(ask)
            if unasked and not ask.automatic:  # a later part of the album has /check for its caption
                await self._admit(ask, rules, deadline)
        except Refusal as refusal:
            await self._turn_away(ask, refusal, deadline)
            return
        sources = ask.sources[: self._limits.per_message]
        results = await asyncio.gather(
            *(self._look(source, ask, rules, deadline) for source in sources), return_exceptions=True
        )
        outcomes: list[Outcome] = []
        for result in results:
            if isinstance(result, BaseException):
                raise result
            if result is not None:
                outcomes.append(result)
        if not outcomes:
            logger.info("Telegram: nothing in an automatic check could be judged")
            return
        verdicts = [outcome for outcome in outcomes if isinstance(outcome, Verdict)]
        cases = await self._casebook.open(ask, rules, verdicts)
        appealable = self._casebook.appealable(ask, rules, cases)
        answer = compose(outcomes, ask.language, len(ask.sources) - len(sources), appealable)
        try:
            await self._show(ask, rules, answer, verdicts, deadline)
        except (Undeliverable, Uncertain):
            await self._casebook.log(ask, rules, verdicts, cases)
            raise
        await self._casebook.log(ask, rules, verdicts, cases)

    async def _admit(self, ask: Ask, rules: Rules, deadline: float) -> None:
        """Whoever asks sees at once that it is looked at. Raises Refusal."""
        await self._gate.admit(ask, rules)
        if ask.automatic or ask.placeholder:
            return
        await self._placeholders.hold(ask, deadline, aside=await self._gate.aside(ask, rules))

    async def _show(self, ask: Ask, rules: Rules, answer: Answer, verdicts: Sequence[Verdict], deadline: float) -> None:
        """As the group wants it: an answer, a symbol, or nothing but the log."""
        if ask.placeholder:
            where = f'<a href="{plain(ask.link)}">{plain(say("telegram.log_picture", ask.language))}</a>\n'
            text = where + answer.text if ask.aside and ask.link else answer.text
            try:
                await self._delivery.edit(ask.answer_place, ask.placeholder, text, deadline, answer.keyboard)
            except Undeliverable as error:
                if error.deleted:  # somebody did not want it to stand there
                    raise
                await self._placeholders.step_aside(ask, error)
                for verdict in verdicts:  # for the buttons there
                    if kept := self._pictures.find(ask.place.chat, verdict.sha256):
                        self._pictures.remember(ask.user, verdict.sha256, kept)
                await self._placeholders.hold(ask, deadline)
                await self._show(ask, rules, answer, verdicts, deadline)
            return
        labels = {verdict.label for verdict in verdicts}
        if rules.mode is Mode.REACT:
            await self._reactions.react(ask.place, next(label for label in _GRAVEST if label in labels))
        if rules.mode is Mode.REPLY or (rules.mode is Mode.REPLY_AI and Label.AI in labels):

            async def note(sending: bool) -> None:
                await self._inbox.update(ask.keys[0], sending=sending)

            # Nobody asked: below a picture that was deleted meanwhile there is nothing to say.
            await self._delivery.send(ask.place, answer.text, deadline, answer.keyboard, note=note, alone=False)

    async def _turn_away(self, ask: Ask, refusal: Refusal, deadline: float) -> None:
        """Somebody asked, and is told why not; after an automatic check there is nobody to tell."""
        await self._placeholders.replace(ask, plain(refused(refusal, ask.language)), deadline)

    async def _look(self, source: Source, ask: Ask, rules: Rules, deadline: float) -> Outcome | None:
        """The verdict or the reason why there is none; None when an automatic check has nothing to say."""
        try:
            await self._gate.spend(ask.place.chat, ask.user, rules)
        except Refusal as refusal:
            return None if ask.automatic else refused(refusal, ask.language)
        while True:
            try:
                async with self._chat_seats(ask.place.chat), self._seats:
                    picture = await fetch(source, self._delivery, self._limits.max_bytes, deadline, ask.language)
                    lane = Lane.AUTOMATIC if ask.automatic else Lane.PERSON
                    verdict = await self._checker.check(picture, ask.asker, lane)
            except Refusal as refusal:
                return None if ask.automatic else refused(refusal, ask.language)
            except TryLater as later:
                if self._stop.is_set():
                    raise _Later from None
                if not ask.automatic:
                    return refused(later, ask.language)
                if time.time() + later.seconds > deadline:
                    raise Stale("too many pictures at once") from None
                await asyncio.sleep(later.seconds)
            else:
                kept = Kept(ask.place.chat, (source,), ask.author, ask.link, ask.origin)
                self._pictures.remember(ask.answer_place.chat, verdict.sha256, kept)
                return at(verdict, self._checker.model, rules.sensitivity)

    async def _fail(self, ask: Ask) -> None:
        """A bug: the log has the details, the person gets their number."""
        number = trail.number()
        logger.exception("Telegram: error %s while answering", number)
        try:
            await self._placeholders.replace(ask, plain(say("error", ask.language, id=number)), time.time() + 60)
        except (Undeliverable, Stale, TokenRefused) as error:
            logger.warning("Telegram: error %s could not be told: %s", number, error)

    async def _complete(self, ask: Ask) -> None:
        """Wait until no further part of an album has come for a while; then its first row stands for all of it."""
        while (wait := ask.quiet_at - time.time()) > 0:
            await asyncio.sleep(wait)
            if ask.album and self.look_around and ask.quiet_at <= time.time() and await self.look_around(ask):
                ask.quiet_at = max(ask.quiet_at, time.time() + self._timings.album)
        self._close_album(ask)
        if group := _group(ask):
            await self._inbox.done(group)
        if len(ask.keys) > 1:
            await self._inbox.update(ask.keys[0], **ask.joined_payload())
            for key in ask.keys[1:]:
                await self._inbox.done(key)
            del ask.keys[1:]

    def _close_album(self, ask: Ask) -> None:
        name = (ask.place.chat, ask.album or "")
        if self._albums.get(name) is ask:
            del self._albums[name]

    def _deadline(self, ask: Ask) -> float:
        return ask.accepted + self._limits.fresh_minutes * 60

    def _chat_seats(self, chat: int) -> asyncio.Semaphore:
        return self._chats.setdefault(chat, asyncio.Semaphore(_DOWNLOADS_OF_A_CHAT))


def _group(ask: Ask) -> str:
    """The key under which the inbox knows an album, "" for a single picture."""
    return f"{PLATFORM}/album/{ask.place.chat}/{ask.album}" if ask.album else ""
