"""What belongs to a chat and not to a picture: greetings, help, and which commands Telegram offers to whom."""

import logging
import time
from functools import partial

from telegram import (
    BotCommand,
    BotCommandScopeAllChatAdministrators,
    BotCommandScopeAllGroupChats,
    BotCommandScopeAllPrivateChats,
    BotCommandScopeDefault,
    ChatMemberUpdated,
    Message,
)
from telegram.constants import ChatMemberStatus, ChatType
from telegram.error import TelegramError

from bot.adapters.telegram.asks import GENERAL, person_of, thread_of
from bot.adapters.telegram.delivery import Delivery, Place, Stale, plain
from bot.adapters.telegram.gate import Gate, server_of
from bot.adapters.telegram.link import Bot
from bot.adapters.telegram.rights import Rights
from bot.adapters.telegram.talk import Talk
from bot.community import Community
from bot.core import Checker
from bot.errors import Refusal
from bot.wording import DEFAULT, about, languages, refused, say

logger = logging.getLogger(__name__)

_OUTSIDE = (ChatMemberStatus.LEFT, ChatMemberStatus.BANNED)
_PATIENCE = 120.0  # seconds for which the answer to a command is worth sending

_ALL = ("check", "about", "help", "privacy", "optout", "optin")
_PRIVATE = (*_ALL[1:], "mydata", "forget")
_ADMINS = (*_ALL, "settings", "exempt")


class Groups:
    """Greets, helps, and knows where every picture is checked."""

    def __init__(
        self,
        bot: Bot,
        delivery: Delivery,
        community: Community,
        checker: Checker,
        rights: Rights,
        gate: Gate,
        talk: Talk,
    ) -> None:
        self._bot = bot
        self._delivery = delivery
        self._community = community
        self._checker = checker
        self._rights = rights
        self._gate = gate
        self._talk = talk

    async def automatic(self, message: Message) -> bool:
        """Whether every picture is checked where this message stands."""
        rules = await self._gate.rules(message.chat.id)
        return rules.automatic(str(thread_of(message) or GENERAL))

    async def register_commands(self) -> None:
        """Tell Telegram which commands to offer to whom."""
        scopes = (
            (BotCommandScopeDefault(), _ALL),
            (BotCommandScopeAllPrivateChats(), _PRIVATE),
            (BotCommandScopeAllGroupChats(), _ALL),
            (BotCommandScopeAllChatAdministrators(), _ADMINS),
        )
        for language in languages():
            for scope, names in scopes:
                commands = [BotCommand(name, say(f"telegram.command.{name}", language)) for name in names]
                # Telegram takes two letters; without any, they are for all apps in a language that has none of its own.
                code = None if language == DEFAULT else language[:2]
                try:
                    await self._delivery.ask(partial(self._bot.set_my_commands, commands, scope, code))
                except (TelegramError, Stale) as error:
                    logger.warning("Telegram did not take the list of commands: %s", error)

    async def welcome(self, change: ChatMemberUpdated) -> None:
        """The bot was added to a group: say how it is used."""
        self._rights.forget_own(change.chat.id)
        came = change.old_chat_member.status in _OUTSIDE and change.new_chat_member.status not in _OUTSIDE
        if came and change.chat.type not in (ChatType.PRIVATE, ChatType.CHANNEL):  # in a channel nobody asks anything
            language = await self._gate.language(change.chat.id, change.from_user.language_code)
            text = plain(say("telegram.hello", language))
            await self._delivery.send(Place(change.chat.id), text, time.time() + _PATIENCE)

    async def moved(self, old: int, new: int) -> None:
        """A group became a supergroup and has a new id: what belongs to it moves along."""
        await self._community.move(server_of(old), server_of(new), "telegram: the group was upgraded")

    async def help(self, message: Message) -> None:
        """/help."""
        private = message.chat.type == ChatType.PRIVATE
        await self._talk.say(
            message, say(f"telegram.help_{'private' if private else 'group'}", await self._talk.language(message))
        )

    async def about(self, message: Message) -> None:
        """/about."""
        await self._talk.say(message, about(self._checker.model, await self._talk.language(message)))

    async def nothing_to_check(self, message: Message) -> None:
        """/check without a picture."""
        language, chat = await self._talk.language(message), message.chat.id
        try:
            await self._gate.admit_command(chat, person_of(message), await self._gate.rules(chat))
        except Refusal as refusal:
            await self._talk.say(message, refused(refusal, language))
            return
        await self._talk.say(message, say("telegram.nothing_to_check", language))
