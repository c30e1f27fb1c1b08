"""Which part answers which command, and where the links lead that open the private chat."""

from collections.abc import Callable, Coroutine
from typing import Any

from telegram import Message
from telegram.constants import ChatType

from bot.adapters.telegram.appeals import APPEAL, Appeals
from bot.adapters.telegram.groups import Groups
from bot.adapters.telegram.pages import LOG
from bot.adapters.telegram.panel import Panel
from bot.adapters.telegram.personal import FORGET, MYDATA, Personal
from bot.adapters.telegram.why import START as WHY
from bot.adapters.telegram.why import Why

Handler = Callable[[Message], Coroutine[Any, Any, None]]


class Commands:
    """Finds who answers."""

    def __init__(self, groups: Groups, panel: Panel, personal: Personal, why: Why, appeals: Appeals) -> None:
        self._groups = groups
        self._panel = panel
        self._personal = personal
        self._why = why
        self._appeals = appeals
        self._handlers: dict[str, Handler] = {
            "start": self._start,
            "help": groups.help,
            "about": groups.about,
            "check": groups.nothing_to_check,
            "settings": panel.open,
            "exempt": self._exempt,
            "privacy": personal.privacy,
            "optout": personal.opt_out,
            "optin": personal.opt_in,
            "mydata": personal.mydata,
            "forget": personal.forget,
        }

    def handler(self, message: Message, command: str | None) -> Handler | None:
        """What answers a message that asks for no verdict; None for what is none of our business."""
        if command:
            found = self._handlers.get(command)
            if found or message.chat.type != ChatType.PRIVATE:
                return found
        if message.chat.type != ChatType.PRIVATE:
            return None
        if self._appeals.about(message):
            return self._appeal
        return self._groups.help if message.text or message.effective_attachment else None

    async def _start(self, message: Message) -> None:
        _, _, payload = (message.text or "").partition(" ")
        name, _, rest = payload.strip().partition("_")
        if message.chat.type != ChatType.PRIVATE:
            await (self._panel.choose_log(message, rest) if name == LOG else self._groups.help(message))
        elif name == WHY:
            await self._why.start(message, rest)
        elif name == APPEAL:
            await self._appeals.start(message, rest)
        elif name in (FORGET, MYDATA):
            await self._handlers[name](message)
        else:
            await self._groups.help(message)

    async def _appeal(self, message: Message) -> None:
        await self._appeals.submit(message, self._appeals.about(message) or "")

    async def _exempt(self, message: Message) -> None:
        private = message.chat.type == ChatType.PRIVATE
        await (self._groups.help(message) if private else self._panel.exempt(message))
