"""Appeals: the author of a picture that was called AI-generated puts it before the moderators of the group.

The reason is asked for in the private chat, where nobody else reads it. Nothing is kept between the steps: the question
carries, as a link in its text, what it is about.
"""

import logging
import re
import time

from telegram import CallbackQuery, ForceReply, Message, MessageEntity

from bot.adapters.telegram.asks import language_of, place_of
from bot.adapters.telegram.casebook import CaseBook, chat_of
from bot.adapters.telegram.delivery import Delivery, plain
from bot.adapters.telegram.gate import Gate, person_key, server_of
from bot.adapters.telegram.link import deep_link
from bot.adapters.telegram.pictures import DIGITS, Pictures
from bot.adapters.telegram.talk import Talk
from bot.community import Case, Community
from bot.core import Checker
from bot.errors import Refusal
from bot.wording import refuse, refused, say

logger = logging.getLogger(__name__)

APPEAL = "appeal"  # the button's action, and what the link to the private chat begins with
_ABOUT = re.compile(rf"(-[0-9]{{1,20}})_([0-9a-f]{{{DIGITS}}})")
_PATIENCE = 120.0


class Appeals:
    """From the button to the log chat."""

    def __init__(
        self,
        username: str,
        checker: Checker,
        delivery: Delivery,
        community: Community,
        gate: Gate,
        pictures: Pictures,
        casebook: CaseBook,
        talk: Talk,
    ) -> None:
        self._username = username
        self._checker = checker
        self._delivery = delivery
        self._community = community
        self._gate = gate
        self._pictures = pictures
        self._casebook = casebook
        self._talk = talk

    async def press(self, query: CallbackQuery, digest: str) -> None:
        """Somebody pressed "Appeal" below an answer."""
        person, kept = query.from_user.id, self._pictures.below(query, digest)
        chat = kept.chat if kept else query.message.chat.id if query.message else 0
        if chat > 0 and (own := await self._community.cases.own(person_key(person), digest)):
            chat = chat_of(own)  # the answer was given aside, before a restart
        language = await self._gate.language(chat, query.from_user.language_code)
        about = f"{chat}_{digest}"
        try:
            await self._case(about, person)
        except Refusal as refusal:
            await self._delivery.alert(query.id, refused(refusal, language))
            return
        if kept:
            self._pictures.remember(person, digest, kept)
        await self._delivery.alert(query.id, "", url=deep_link(self._username, f"{APPEAL}_{about}"))

    async def start(self, message: Message, about: str) -> None:
        """The author followed the link: ask for the reason."""
        language = language_of(message)
        try:
            await self._case(about, message.chat.id)
        except Refusal as refusal:
            await self._talk.say(message, refused(refusal, language))
            return
        link = deep_link(self._username, f"{APPEAL}_{about}")
        title, question = (plain(say(f"telegram.appeal_{part}", language)) for part in ("title", "question"))
        hint = ForceReply(input_field_placeholder=say("telegram.appeal_hint", language)[:64])
        text = f'<a href="{link}">{title}</a>\n{question}'
        await self._delivery.send(place_of(message), text, time.time() + _PATIENCE, hint)

    def about(self, message: Message) -> str | None:
        """What a reply to the question is about; None for any other message."""
        question = message.reply_to_message
        own = question and question.from_user and question.from_user.username == self._username
        if not (question and own and message.text):
            return None
        start = deep_link(self._username, f"{APPEAL}_")
        links = [e.url for e in question.entities if e.type == MessageEntity.TEXT_LINK and e.url]
        return next((link.removeprefix(start) for link in links if link.startswith(start)), None)

    async def submit(self, message: Message, about: str) -> None:
        """The author's reason: it goes to the moderators."""
        language, person = language_of(message), message.chat.id
        try:
            case = await self._case(about, person)
            reason = message.text or ""
            case = await self._community.cases.appeal(case.server, case.sha256, person_key(person), reason)
        except Refusal as refusal:
            await self._talk.say(message, refused(refusal, language))
            return
        await self._talk.say(message, say("telegram.appeal_sent", language))
        await self._keep(case, person, language)
        await self._casebook.appealed(case)

    async def _case(self, about: str, person: int) -> Case:
        """The person's own case that can be appealed. Raises Refusal."""
        found = _ABOUT.fullmatch(about)
        if not found:
            raise refuse("no-case", "community.no-case")
        chat, digest = await self._gate.now_called(int(found[1])), found[2]
        case = await self._community.cases.appealable(server_of(chat), digest, person_key(person))
        if not (await self._gate.rules(chat)).appealable:
            raise refuse("appeals-off", "telegram.appeals_off")
        return case

    async def _keep(self, case: Case, person: int, language: str) -> None:
        """Keep the picture for review, if the group wants that and it can still be had."""
        rules = await self._community.rules.read(case.server)
        kept = self._pictures.find(person, case.sha256)
        verdict = await self._checker.recall(case.sha256)
        if not rules.review or kept is None or verdict is None:
            return
        try:
            await self._gate.leave_alone(kept.origin, person)
        except Refusal:
            return
        if picture := await self._pictures.fetch(kept, case.sha256, language):
            await self._community.review.keep(
                case.server, picture.data, verdict, case.author, case.author, "appeal", rules
            )
