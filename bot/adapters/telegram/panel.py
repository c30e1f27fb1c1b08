"""/settings: an admin opens the pages, and each press is checked, carried out and shown in the same message."""

import re
import time
from collections.abc import Collection

from telegram import CallbackQuery, Chat, ChatFullInfo, Message, User
from telegram.constants import ChatType
from telegram.error import TelegramError

from bot.adapters.telegram.asks import GENERAL, thread_of
from bot.adapters.telegram.delivery import Delivery, Place, Stale, Undeliverable, plain, uncalled
from bot.adapters.telegram.gate import Gate, person_key, server_of
from bot.adapters.telegram.link import Bot
from bot.adapters.telegram.pages import View, page
from bot.adapters.telegram.rights import Rights
from bot.adapters.telegram.talk import Talk
from bot.community import EVERYWHERE, Community, Rules
from bot.core import Checker
from bot.errors import Refusal
from bot.wording import refuse, refused, say

_PATIENCE = 120.0  # seconds for which the answer to a command is worth sending
_LIMIT = re.compile(r"m\d{1,4}(\.\d{1,6})?|d\d{1,7}")


class Panel:
    """The settings of groups, as their admins see them."""

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

    async def open(self, message: Message) -> None:
        """/settings."""
        language = await self._talk.language(message)
        if message.chat.type == ChatType.PRIVATE:
            await self._talk.say(message, say("telegram.settings_private", language))
        elif await self._admin_wrote(message):
            text, keyboard = page("main", await self._view(message, language))
            await self._talk.say(message, text, keyboard)
        else:
            await self._talk.say(message, say("telegram.admins_only", language))

    async def press(self, query: CallbackQuery, wanted: str) -> None:
        """A pressed button. Rights count as they are at this moment, and the data may be anything."""
        person, message = query.from_user, query.message
        chat = message.chat.id if message else 0
        language = await self._gate.language(chat, person.language_code)
        if not isinstance(message, Message):
            await self._delivery.alert(query.id, say("telegram.too_old", language))
            return
        if not await self._rights.is_admin(chat, person.id, now=True):
            await self._delivery.alert(query.id, say("telegram.admins_only", language))
            return
        name, _, value = wanted.partition(":")
        if name == "close":
            await self._delivery.alert(query.id, "")
            closed = plain(say("telegram.panel.closed", language))
            await self._delivery.edit(Place(chat), message.message_id, closed, time.time() + _PATIENCE)
            return
        if value:
            try:
                await self._change(message, person_key(person.id), name, value)
            except Refusal as refusal:
                await self._delivery.alert(query.id, refused(refusal, language))
                return
        await self._delivery.alert(query.id, "")
        language = await self._gate.language(chat, person.language_code)  # it may just have been changed
        text, keyboard = page(name, await self._view(message, language, names=name == "exempt"))
        await self._delivery.edit(Place(chat), message.message_id, plain(text), time.time() + _PATIENCE, keyboard)

    async def exempt(self, message: Message) -> None:
        """/exempt as a reply: leave this member's pictures alone, or look at them again."""
        language, chat = await self._talk.language(message), message.chat.id
        if not await self._admin_wrote(message):
            await self._talk.say(message, say("telegram.admins_only", language))
            return
        replied = message.reply_to_message
        who = _exemptable(replied) if replied else None
        if who is None:
            await self._talk.say(message, say("telegram.exempt_how", language))
            return
        exempt = (await self._gate.rules(chat)).exempt_users
        by = message.from_user.id if message.from_user and not message.sender_chat else chat
        key = person_key(who.id)
        try:
            rules = await self._community.rules.change(
                server_of(chat), person_key(by), exempt_users=_toggled(exempt, key)
            )
        except Refusal as refusal:
            await self._talk.say(message, refused(refusal, language))
            return
        said = "telegram.exempt_on" if key in rules.exempt_users else "telegram.exempt_off"
        await self._talk.say(message, say(said, language, name=uncalled(_name(who))))

    async def choose_log(self, message: Message, source: str) -> None:
        """Somebody has chosen this chat as the log of the group `source`, by the link among its settings."""
        language = await self._talk.language(message)
        group = int(source) if source.lstrip("-").isdecimal() else 0
        if message.sender_chat or message.from_user is None:
            await self._talk.say(message, say("telegram.log_anonymous", language))
            return
        person, here = message.from_user.id, message.chat.id
        for chat in (group, here):
            if not await self._rights.is_admin(chat, person, now=True):
                await self._talk.say(message, say("telegram.log_not_admin", language))
                return
        try:
            await self._community.rules.change(server_of(group), person_key(person), log_channel=str(here))
        except Refusal as refusal:
            await self._talk.say(message, refused(refusal, language))
            return
        title = (await self._delivery.ask(lambda: self._bot.get_chat(group))).title or "?"
        await self._talk.say(message, say("telegram.log_chosen", language, title=uncalled(title)))

    async def _change(self, message: Message, by: str, name: str, value: str) -> None:
        chat = message.chat.id
        before = await self._gate.rules(chat)
        rules = await self._community.rules.change(server_of(chat), by, **_changes(chat, name, value, before))
        if rules.review != before.review:
            try:
                await self._announce(chat, rules)
            except (Undeliverable, Stale):
                if rules.review:
                    await self._community.rules.change(server_of(chat), by, review=False)
                raise refuse("setting", "community.review-untold") from None

    async def _announce(self, chat: int, rules: Rules) -> None:
        """Members are told when their pictures may be kept, and when no longer."""
        language, days = rules.language or "en", self._community.review.keep_days
        on = say("community.review-on", language, days=days) + "\n" + say("telegram.review_optout", language)
        text = on if rules.review else say("community.review-off", language)
        await self._delivery.send(Place(chat), plain(text), time.time() + _PATIENCE)

    async def _view(self, message: Message, language: str, *, names: bool = False) -> View:
        chat = message.chat.id
        rules = await self._gate.rules(chat)
        topic = str(thread_of(message) or GENERAL) if message.chat.is_forum else None
        return View(
            rules=rules,
            language=language,
            chat=chat,
            username=self._bot.username,
            model=self._checker.model,
            topic=topic,
            sees_all=not rules.channels or await self._rights.sees_all(chat),
            reviews=self._community.review.enabled,
            used=await self._community.quotas.used(server_of(chat)),
            names=await self._names(chat, rules.exempt_users[:5]) if names else {},
        )

    async def _names(self, chat: int, people: Collection[str]) -> dict[str, str]:
        """What people are called; where Telegram does not say, their numbers have to do."""
        found: dict[str, str] = {}
        for person in people:
            number = int(person.rpartition("/")[2])
            try:
                found[person] = await self._delivery.ask(lambda n=number: self._called(chat, n), 5)  # type: ignore[misc]
            except (TelegramError, Stale):
                continue
        return found

    async def _called(self, chat: int, number: int) -> str:
        """A channel is not a member, though it can write."""
        return _name(
            await self._bot.get_chat(number) if number < 0 else (await self._bot.get_chat_member(chat, number)).user
        )

    async def _admin_wrote(self, message: Message) -> bool:
        writer = message.sender_chat or message.from_user
        return writer is not None and await self._rights.is_admin(message.chat.id, writer.id, now=True)


def _exemptable(message: Message) -> User | Chat | None:
    """Who posted it, or the channel that it is by; None for a bot, and for whoever writes as the group itself.

    In a topic, what replies to nothing is shown as a reply to the topic's beginning.
    """
    if message.forum_topic_created:
        return None
    if message.sender_chat:
        return message.sender_chat if message.sender_chat.id != message.chat.id else None
    return message.from_user if message.from_user and not message.from_user.is_bot else None


def _name(who: User | Chat | ChatFullInfo) -> str:
    return who.full_name if isinstance(who, User) else who.title or "?"


def _changes(chat: int, name: str, value: str, rules: Rules) -> dict[str, object]:
    """What a button changes. Raises Refusal for data that no page of ours has."""
    kind, rest = value[:1], value[1:]
    found: dict[tuple[str, str], dict[str, object]] = {
        ("where", "all"): {"channels": () if EVERYWHERE in rules.channels else (EVERYWHERE,)},
        ("where", "off"): {"channels": ()},
        ("exempt", "admins"): {"exempt_roles": _toggled(rules.exempt_roles, "admins")},
        ("log", "off"): {"log_channel": None},
        ("who", "all"): {"users": ()},
        ("who", "admins"): {"users": ("admins",)},
        ("language", "own"): {"language": None},
    }
    if (name, value) in found:
        return found[name, value]
    if name == "where" and kind == "t":
        return {"channels": _toggled([one for one in rules.channels if one != EVERYWHERE], rest)}
    if name == "exempt" and kind == "t":
        return {"exempt_channels": _toggled(rules.exempt_channels, rest)}
    if name == "exempt" and kind == "u":
        return {"exempt_users": [one for one in rules.exempt_users if one != f"telegram:user/{rest}"]}
    if name == "log" and (value == f"h{chat}" or (kind == "h" and rest.isdecimal())):  # this group, or a topic of it
        return {"log_channel": rest}
    if name == "who":
        return {"audience": value}
    if name in ("mode", "language"):
        return {name: value}
    if name in ("appeals", "review") and value in "01":
        return {name: value == "1"}
    if name == "sensitivity" and value.isdecimal():
        return {"sensitivity": int(value) or None}
    if name == "limits" and _LIMIT.fullmatch(value):
        number = float(rest) if kind == "m" else int(rest)
        return {"per_user_per_minute" if kind == "m" else "per_server_per_day": number or None}
    raise refuse("setting", "telegram.too_old")


def _toggled(entries: Collection[str], entry: str) -> list[str]:
    return [one for one in entries if one != entry] if entry in entries else [*entries, entry]
