"""Who may do what in a chat, as Telegram says: asked when it matters, else believed for a while."""

import time
from collections import OrderedDict

from telegram.constants import ChatMemberStatus
from telegram.error import BadRequest, ChatMigrated, Forbidden, TelegramError

from bot.adapters.telegram.delivery import Delivery
from bot.adapters.telegram.link import Bot, Timings

_ADMINS = (ChatMemberStatus.OWNER, ChatMemberStatus.ADMINISTRATOR)
_MOST = 2000


class Rights:
    """Ranks of people in chats."""

    def __init__(self, bot: Bot, delivery: Delivery, timings: Timings) -> None:
        self._bot = bot
        self._delivery = delivery
        self._timings = timings
        self._ranks: OrderedDict[tuple[int, int], tuple[float, str]] = OrderedDict()

    async def is_admin(self, chat: int, user: int, *, now: bool = False) -> bool:
        """Whether `user` is an admin of a group; `now`: as it is at this moment.

        An anonymous admin writes as the group itself; whoever can do that is an admin.
        """
        if chat > 0:
            return False
        return user == chat or await self._rank(chat, user, now=now) in _ADMINS

    async def roles(self, chat: int, user: int) -> tuple[str, ...]:
        """The roles that rules can name: on Telegram there is only one."""
        return ("admins",) if await self.is_admin(chat, user) else ()

    async def sees_all(self, chat: int) -> bool:
        """Whether Telegram delivers every message of the group: by @BotFather's privacy setting, or to an admin."""
        me = await self._delivery.ask(self._bot.get_me)  # asked anew: the owner may just have changed it
        return bool(me.can_read_all_group_messages) or await self.is_admin(chat, self._bot.id)

    async def now_called(self, chat: int) -> int:
        """The id of a chat today: a group that became a supergroup has another one."""
        try:
            await self._delivery.ask(lambda: self._bot.get_chat_member(chat, self._bot.id))
        except ChatMigrated as moved:
            return moved.new_chat_id
        except TelegramError:
            return chat
        return chat

    def forget_own(self, chat: int) -> None:
        """The bot's own rank in a chat has changed."""
        self._ranks.pop((chat, self._bot.id), None)

    async def _rank(self, chat: int, user: int, *, now: bool) -> str:
        known = self._ranks.get((chat, user))
        if now or known is None or known[0] < time.monotonic():
            known = (time.monotonic() + self._timings.rights, await self._ask(chat, user))
            self._ranks[chat, user] = known
            if len(self._ranks) > _MOST:
                self._ranks.popitem(last=False)
        return known[1]

    async def _ask(self, chat: int, user: int) -> str:
        try:
            return (await self._delivery.ask(lambda: self._bot.get_chat_member(chat, user))).status
        except ChatMigrated as moved:
            return await self._ask(moved.new_chat_id, user)
        except Forbidden:  # of a chat that the bot has left
            return ChatMemberStatus.LEFT
        except BadRequest:  # where members are hidden, only admins may ask about others; the list of admins is open
            return await self._ask_admins(chat, user)

    async def _ask_admins(self, chat: int, user: int) -> str:
        try:
            admins = await self._delivery.ask(lambda: self._bot.get_chat_administrators(chat))
        except (BadRequest, Forbidden):  # no chat that the bot knows
            return ChatMemberStatus.LEFT
        return next((admin.status for admin in admins if admin.user.id == user), ChatMemberStatus.MEMBER)
