"""The log chat of a group: each verdict in it, and the cases that moderators decide by buttons. No picture, no ping."""

import logging
import time
from collections.abc import Collection, Mapping, Sequence

from telegram import CallbackQuery, InlineKeyboardButton, InlineKeyboardMarkup

from bot.adapters.telegram.asks import Ask
from bot.adapters.telegram.delivery import Delivery, Place, Stale, Uncertain, Undeliverable, plain, uncalled
from bot.adapters.telegram.gate import Gate, person_key, server_of
from bot.adapters.telegram.rights import Rights
from bot.community import Case, Community, Decision, Rules
from bot.errors import Refusal
from bot.verdict import Label, Verdict
from bot.wording import DEFAULT, refused, say

logger = logging.getLogger(__name__)

CASE = "case"
_PATIENCE = 300.0  # the log may be behind: Telegram takes 20 messages a minute


class CaseBook:
    """Writes the log, opens cases, and takes the moderators' decisions."""

    def __init__(self, delivery: Delivery, community: Community, rights: Rights, gate: Gate) -> None:
        self._delivery = delivery
        self._community = community
        self._rights = rights
        self._gate = gate

    async def open(self, ask: Ask, rules: Rules, verdicts: Sequence[Verdict]) -> dict[str, Case]:
        """The cases of the pictures that are called AI-generated, by hash; none where no moderator would see them."""
        if ask.place.chat > 0 or ask.author is None or rules.log_channel is None:
            return {}
        server, author = server_of(ask.place.chat), person_key(ask.author)
        flagged = [verdict for verdict in verdicts if verdict.label is Label.AI]
        return {v.sha256: await self._community.cases.open(server, v, author, ask.link) for v in flagged}

    def appealable(self, ask: Ask, rules: Rules, cases: Collection[str]) -> Collection[str]:
        """Of these cases, those that can be appealed where the answer stands.

        A channel, or an admin who writes as the group, presses no button; and an answer aside is seen by one person only.
        """
        theirs = ask.author is not None and ask.author > 0 and (not ask.aside or ask.author == ask.user)
        return cases if theirs and rules.appealable else ()

    async def log(self, ask: Ask, rules: Rules, verdicts: Sequence[Verdict], cases: Mapping[str, Case]) -> None:
        """List verdicts in the log chat, if there is one. What goes wrong there is nobody's trouble who asked."""
        place = log_place(ask.place.chat, rules)
        if ask.place.chat > 0 or place is None:
            return
        for verdict in verdicts:
            case = cases.get(verdict.sha256)
            if case is None:
                text = _entry(verdict.label, verdict.sha256, verdict.model, ask.link, rules.language or DEFAULT)
                await self._send(place, text, None)
            elif case.log_message is None:
                await self._post(case, place, rules)

    async def show(self, case: Case, decider: str = "") -> Case | None:
        """Bring a case up to date where it stands in the log; the case as it is then, if it had to be put there again."""
        rules = await self._community.rules.read(case.server)
        chat, _, message = (case.log_message or "").partition("/")
        if message:
            place = Place(int(chat))
            try:
                text, keyboard = _case_text(case, rules, decider), _buttons(case, rules)
                await self._delivery.edit(place, int(message), text, time.time() + _PATIENCE, keyboard)
                return None
            except (Undeliverable, Stale) as error:
                logger.info("Telegram: a case is put into the log again: %s", error)
        place_now = log_place(chat_of(case), rules)
        if place_now:
            await self._post(case, place_now, rules, decider)
        return await self._community.cases.find(case.server, case.id)

    async def appealed(self, case: Case) -> None:
        """Show an appeal, and that there is one: an edited message is noticed by nobody."""
        case = await self.show(case) or case
        chat, _, message = (case.log_message or "").partition("/")
        if message:
            rules = await self._community.rules.read(case.server)
            place = log_place(chat_of(case), rules)
            thread = place.thread if place and place.chat == int(chat) else None
            note = f"⚖️ {plain(say('telegram.appeal', rules.language or DEFAULT))}"
            await self._send(Place(int(chat), thread, int(message)), note, None)

    async def forget(self, case: Case, person: str, deadline: float) -> bool:
        """Take somebody out of a case in the log; false if they may still stand there. Before it, the store forgets them."""
        rules = await self._community.rules.read(case.server)
        if case.author == person:
            language = rules.language or DEFAULT
            entry = _entry(case.label, case.sha256, case.model, case.link, language)
            text, keyboard = f"{entry}\n{plain(say('telegram.case_forgotten', language))}", None
        else:
            text, keyboard = _case_text(case, rules, ""), _buttons(case, rules)
        chat, _, message = (case.log_message or "").partition("/")
        if await self._gate.now_called(int(chat)) != int(chat):  # nothing that was written before can be changed
            return False
        try:
            await self._delivery.edit(Place(int(chat)), int(message), text, deadline, keyboard)
        except (Undeliverable, Stale) as error:
            logger.info("Telegram: somebody is still named in the log: %s", error)
            return "message to edit not found" in str(error).casefold()
        return True

    async def press(self, query: CallbackQuery, value: str) -> None:
        """A moderator decides. Rights count in the case's group, and as they are at this moment."""
        chat, number, decision = _parsed(value)
        language = await self._gate.language(chat, query.from_user.language_code)
        if not (chat < 0 and await self._rights.is_admin(chat, query.from_user.id, now=True)):
            await self._delivery.alert(query.id, say("telegram.moderators_only", language))
            return
        chat = await self._gate.now_called(chat)
        rules, moderator = await self._gate.rules(chat), person_key(query.from_user.id)
        try:
            if decision is None:
                raise Refusal("no-case", "", "community.no-case")
            case = await self._community.cases.decide(server_of(chat), number, moderator, decision, review=rules.review)
        except Refusal as refusal:
            await self._delivery.alert(query.id, refused(refusal, language))
            return
        if decision is not Decision.IGNORED and case.label is not Label.UNSURE:
            says_ai = (case.label is Label.AI) == (decision is Decision.RIGHT)
            await self._community.review.vote(case.server, case.sha256, moderator, says_ai)
        if case.decided_by != moderator:
            await self._delivery.alert(query.id, say("telegram.vote_noted", language))
            return
        await self._delivery.alert(query.id, "")
        await self.show(case, query.from_user.full_name)  # where it stands: the press may come from any message of ours

    async def _post(self, case: Case, place: Place, rules: Rules, decider: str = "") -> None:
        number = await self._send(place, _case_text(case, rules, decider), _buttons(case, rules))
        if number is not None:
            await self._community.cases.note(case.server, case.id, log_message=f"{place.chat}/{number}")

    async def _send(self, place: Place, text: str, keyboard: InlineKeyboardMarkup | None) -> int | None:
        try:
            return await self._delivery.send(place, text, time.time() + _PATIENCE, keyboard, silent=True)
        except (Undeliverable, Stale, Uncertain) as error:
            logger.warning("Telegram: a verdict could not be written into the log chat: %s", error)
            return None


def log_place(chat: int, rules: Rules) -> Place | None:
    """Where a group's log is: a number below zero is a chat, another one is a topic of the group itself."""
    if rules.log_channel is None:
        return None
    number = int(rules.log_channel)
    return Place(number) if number < 0 else Place(chat, number)


def _entry(label: Label, sha256: str, model: str, link: str, language: str) -> str:
    """One verdict, as the log shows it."""
    title = f"{say(f'verdict.symbol-{label.value}', language)} <b>{plain(say(f'verdict.title-{label.value}', language))}</b>"
    shown = plain(say("telegram.log_picture", language))
    where = f' · <a href="{plain(link)}">{shown}</a>' if link else ""
    return f"{title}{where}\n<code>{sha256}</code>\n<i>{plain(say('verdict.footer', language, model=model))}</i>"


def _case_text(case: Case, rules: Rules, decider: str) -> str:
    language = rules.language or DEFAULT
    lines = [_entry(case.label, case.sha256, case.model, case.link, language)]
    if case.appeal is not None:
        lines.append(plain(say("telegram.log_appeal", language, reason=uncalled(case.appeal) or "–")))
    if case.decision:
        said = say(f"telegram.case_{case.decision.value}", language)
        name = uncalled(decider) or say("telegram.somebody", language)
        lines.append(plain(say("telegram.log_decided", language, decision=said, name=name)))
    return "\n".join(lines)


def _buttons(case: Case, rules: Rules) -> InlineKeyboardMarkup | None:
    """While it is open; with `review`, further moderators may say what they think of it too."""
    if case.decision and not rules.review:
        return None
    decisions = [Decision.RIGHT, Decision.WRONG]
    rows = [[_button(case, decision, rules) for decision in decisions]]
    if case.appeal is not None and not case.decision:
        rows.append([_button(case, Decision.IGNORED, rules)])
    return InlineKeyboardMarkup(rows)


def _button(case: Case, decision: Decision, rules: Rules) -> InlineKeyboardButton:
    label = say(f"telegram.case_{decision.value}", rules.language or DEFAULT)
    return InlineKeyboardButton(label, callback_data=f"{CASE}:{chat_of(case)}:{case.id}:{decision.value}")


def chat_of(case: Case) -> int:
    """The group of a case."""
    return int(case.server.partition(":")[2])


def _parsed(value: str) -> tuple[int, int, Decision | None]:
    """Group, number of the case, decision; anything may stand there."""
    parts = value.split(":")
    try:
        return int(parts[0]), int(parts[1]), Decision(parts[2])
    except (ValueError, IndexError):
        return 0, 0, None
