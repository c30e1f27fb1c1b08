"""What belongs to a chat and not to a picture: commands, settings, and who may change them."""

import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from typing import Any

from telegram import (
    BotCommand,
    BotCommandScopeAllChatAdministrators,
    BotCommandScopeAllGroupChats,
    BotCommandScopeAllPrivateChats,
    BotCommandScopeDefault,
    CallbackQuery,
    ChatMemberUpdated,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    Message,
)
from telegram.constants import ChatMemberStatus, ChatType
from telegram.error import BadRequest, TelegramError

from bot.adapters.telegram.asks import language_of, place_of
from bot.adapters.telegram.delivery import Delivery, Place, Stale, plain
from bot.adapters.telegram.link import Bot, Timings
from bot.community import EVERYWHERE, Community
from bot.core import Checker
from bot.wording import about, say

logger = logging.getLogger(__name__)

AUTOMATIC = "auto"
_ADMINS = (ChatMemberStatus.OWNER, ChatMemberStatus.ADMINISTRATOR)
_OUTSIDE = (ChatMemberStatus.LEFT, ChatMemberStatus.BANNED)
_PATIENCE = 120.0  # seconds for which the answer to a command is worth sending


class Groups:
    """Answers commands and keeps the settings of chats."""

    def __init__(self, bot: Bot, delivery: Delivery, community: Community, checker: Checker, timings: Timings) -> None:
        self._bot = bot
        self._delivery = delivery
        self._community = community
        self._checker = checker
        self._timings = timings
        self._ranks: OrderedDict[tuple[int, int], tuple[float, str]] = OrderedDict()

    async def automatic(self, chat: int) -> bool:
        """Whether every picture of a group is checked."""
        return (await self._community.rules.read(_server(chat))).automatic()

    async def register_commands(self) -> None:
        """Tell Telegram which commands to offer to whom."""
        common = [BotCommand(name, say(f"telegram.command.{name}", "en")) for name in ("check", "about", "help")]
        settings = BotCommand("settings", say("telegram.command.settings", "en"))
        scopes = (
            (BotCommandScopeDefault(), common),
            (BotCommandScopeAllPrivateChats(), common[1:]),
            (BotCommandScopeAllGroupChats(), common),
            (BotCommandScopeAllChatAdministrators(), [*common, settings]),
        )
        for scope, commands in scopes:
            try:
                await self._delivery.ask(lambda c=commands, s=scope: self._bot.set_my_commands(c, scope=s))  # type: ignore[misc]
            except (TelegramError, Stale) as error:
                logger.warning("Telegram did not take the list of commands: %s", error)

    def handler(self, command: str) -> Callable[[Message], Coroutine[Any, Any, None]] | None:
        """What answers a command; None for one that is not ours."""
        return {
            "start": self._help,
            "help": self._help,
            "about": self._about,
            "settings": self._settings,
            "check": self._nothing_to_check,
        }.get(command)

    async def welcome(self, change: ChatMemberUpdated) -> None:
        """The bot was added to a group: say how it is used."""
        self._ranks.pop((change.chat.id, self._bot.id), None)
        came = change.old_chat_member.status in _OUTSIDE and change.new_chat_member.status not in _OUTSIDE
        if came and change.chat.type != ChatType.PRIVATE:
            text = plain(say("telegram.hello", change.from_user.language_code or "en"))
            await self._delivery.send(Place(change.chat.id), text, time.time() + _PATIENCE)

    async def moved(self, old: int, new: int) -> None:
        """A group became a supergroup and has a new id: its settings move with it."""
        await self._community.move(_server(old), _server(new), "telegram: the group was upgraded")

    async def press(self, query: CallbackQuery, wanted: str) -> None:
        """Somebody pressed a button below the settings."""
        language = query.from_user.language_code or "en"
        if query.message is None:
            await self._delivery.alert(query.id, say("telegram.too_old", language))
            return
        chat = query.message.chat.id
        if not await self._is_admin(chat, query.from_user.id):
            await self._delivery.alert(query.id, say("telegram.admins_only", language))
            return
        channels = [EVERYWHERE] if wanted == "1" else []
        await self._community.rules.change(_server(chat), f"telegram:user/{query.from_user.id}", channels=channels)
        text, keyboard = await self._settings_text(chat, language)
        await self._delivery.alert(query.id, "")
        place = Place(chat)
        await self._delivery.edit(place, query.message.message_id, text, time.time() + _PATIENCE, keyboard)

    async def _help(self, message: Message) -> None:
        private = message.chat.type == ChatType.PRIVATE
        await self._reply(message, "telegram.help_private" if private else "telegram.help_group")

    async def _nothing_to_check(self, message: Message) -> None:
        await self._reply(message, "telegram.nothing_to_check")

    async def _about(self, message: Message) -> None:
        text = plain(about(self._checker.model, language_of(message)))
        await self._delivery.send(place_of(message), text, time.time() + _PATIENCE)

    async def _settings(self, message: Message) -> None:
        if message.chat.type == ChatType.PRIVATE:
            await self._reply(message, "telegram.settings_private")
            return
        # An anonymous admin writes as the group itself; whoever can do that is an admin.
        anonymous = message.sender_chat is not None and message.sender_chat.id == message.chat.id
        person = message.from_user.id if message.from_user else 0
        if not (anonymous or await self._is_admin(message.chat.id, person)):
            await self._reply(message, "telegram.admins_only")
            return
        text, keyboard = await self._settings_text(message.chat.id, language_of(message))
        await self._delivery.send(place_of(message), text, time.time() + _PATIENCE, keyboard)

    async def _settings_text(self, chat: int, language: str) -> tuple[str, InlineKeyboardMarkup]:
        on = await self.automatic(chat)
        lines = [say("telegram.automatic_on" if on else "telegram.automatic_off", language)]
        if not await self._sees_all(chat):
            lines.append(say("telegram.privacy_mode", language))
        label = say("telegram.turn_off" if on else "telegram.turn_on", language)
        button = InlineKeyboardButton(label, callback_data=f"{AUTOMATIC}:{0 if on else 1}")
        return plain("\n".join(lines)), InlineKeyboardMarkup([[button]])

    async def _sees_all(self, chat: int) -> bool:
        """Whether Telegram delivers every message of the group: by @BotFather's privacy setting, or to an admin."""
        me = await self._delivery.ask(self._bot.get_me)  # asked anew: the owner may just have changed it
        return bool(me.can_read_all_group_messages) or await self._is_admin(chat, self._bot.id)

    async def _is_admin(self, chat: int, user: int) -> bool:
        known = self._ranks.get((chat, user))
        if known is None or known[0] < time.monotonic():
            known = (time.monotonic() + self._timings.rights, await self._rank(chat, user))
            self._ranks[chat, user] = known
            if len(self._ranks) > 2000:
                self._ranks.popitem(last=False)
        return known[1] in _ADMINS

    async def _rank(self, chat: int, user: int) -> str:
        try:
            return (await self._delivery.ask(lambda: self._bot.get_chat_member(chat, user))).status
        except BadRequest:  # where members are hidden, only admins may ask about others; the list of admins is open
            admins = await self._delivery.ask(lambda: self._bot.get_chat_administrators(chat))
            return next((admin.status for admin in admins if admin.user.id == user), ChatMemberStatus.MEMBER)

    async def _reply(self, message: Message, key: str) -> None:
        text = plain(say(key, language_of(message)))
        await self._delivery.send(place_of(message), text, time.time() + _PATIENCE)


def _server(chat: int) -> str:
    return f"telegram:{chat}"
