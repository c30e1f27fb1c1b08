"""What a person may want of Candid for themselves: to see what is kept, to have it erased, to be left alone."""

import json
import time

from telegram import CallbackQuery, InlineKeyboardButton, InlineKeyboardMarkup, Message
from telegram.constants import ChatType

from bot.adapters.telegram.asks import person_of, place_of
from bot.adapters.telegram.attachments import Attachments
from bot.adapters.telegram.casebook import CaseBook
from bot.adapters.telegram.delivery import Delivery, Place, plain
from bot.adapters.telegram.gate import person_key
from bot.adapters.telegram.link import deep_link
from bot.adapters.telegram.talk import Talk
from bot.community import Community
from bot.wording import say

FORGET = "forget"
MYDATA = "mydata"
_PATIENCE = 120.0
_LOG_PATIENCE = 600.0  # for all that stands in log chats


class Personal:
    """Answers /privacy, /optout, /optin, /mydata and /forget. The last two only in private."""

    def __init__(
        self,
        username: str,
        delivery: Delivery,
        attachments: Attachments,
        community: Community,
        casebook: CaseBook,
        talk: Talk,
    ) -> None:
        self._username = username
        self._delivery = delivery
        self._attachments = attachments
        self._community = community
        self._casebook = casebook
        self._talk = talk

    async def privacy(self, message: Message) -> None:
        """What is kept, and for how long."""
        language = await self._talk.language(message)
        commands = say("telegram.privacy_commands", language)
        await self._talk.say(message, f"{self._community.privacy.words(language)}\n\n{commands}")

    async def opt_out(self, message: Message) -> None:
        """Leave this person's pictures alone, everywhere."""
        await self._opt(message, out=True)

    async def opt_in(self, message: Message) -> None:
        """Check them again."""
        await self._opt(message, out=False)

    async def mydata(self, message: Message) -> None:
        """Everything that is kept about a person, as a file for them alone."""
        if await self._sent_to_private(message, MYDATA):
            return
        language = await self._talk.language(message)
        rows = await self._community.privacy.export(person_key(message.chat.id))
        data = json.dumps(rows, ensure_ascii=False, indent=2).encode()
        await self._attachments.file(place_of(message), data, "candid.json", plain(say("telegram.mydata", language)))

    async def forget(self, message: Message) -> None:
        """Ask whether it is meant."""
        if await self._sent_to_private(message, FORGET):
            return
        language = await self._talk.language(message)
        buttons = [
            InlineKeyboardButton(say(f"telegram.forget_{answer}", language), callback_data=f"{FORGET}:{answer}")
            for answer in ("yes", "no")
        ]
        await self._talk.say(message, say("telegram.forget_ask", language), InlineKeyboardMarkup([buttons]))

    async def press(self, query: CallbackQuery, answer: str) -> None:
        """Erase what is kept about whoever pressed, or don't."""
        language = query.from_user.language_code or "en"
        message = query.message
        await self._delivery.alert(query.id, "")
        if message is None or message.chat.id != query.from_user.id:  # the question is asked in private only
            return
        text = say("telegram.forget_kept", language)
        if answer == "yes":
            text = self._community.privacy.erased(*await self._erase(person_key(query.from_user.id)), language)
        place = Place(message.chat.id)
        await self._delivery.edit(place, message.message_id, plain(text), time.time() + _PATIENCE)

    async def _erase(self, person: str) -> tuple[int, int]:
        """The rows, and what log chats show of the person: how many went, and how many messages could not be changed."""
        naming = await self._community.cases.naming(person)
        count = await self._community.privacy.forget(person)
        deadline, left = time.time() + _LOG_PATIENCE, 0
        for case in naming:
            left += not await self._casebook.forget(case, person, min(deadline, time.time() + _PATIENCE))
        return count, left

    async def _opt(self, message: Message, *, out: bool) -> None:
        language = await self._talk.language(message)
        if message.sender_chat and message.sender_chat.id == message.chat.id:  # all anonymous admins look the same
            await self._talk.say(message, say("telegram.who_are_you", language))
            return
        person = person_key(person_of(message))
        members = self._community.members
        await (members.opt_out(person) if out else members.opt_in(person))
        await self._talk.say(message, say("community.opted-out" if out else "community.opted-in", language))

    async def _sent_to_private(self, message: Message, command: str) -> bool:
        """In a group: only a button that leads to the private chat."""
        if message.chat.type == ChatType.PRIVATE:
            return False
        language = await self._talk.language(message)
        link = deep_link(self._username, command)
        button = InlineKeyboardButton(say("telegram.in_private_button", language), url=link)
        await self._talk.say(message, say("telegram.in_private", language), InlineKeyboardMarkup([[button]]))
        return True
