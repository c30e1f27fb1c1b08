"""The Bot API methods that Candid may call, with Telegram's own words where it refuses."""

import re
import time
from typing import Any

from tests.peers.telegram.faults import Limits
from tests.peers.telegram.files import Files
from tests.peers.telegram.texts import keyboard_of, text_of
from tests.peers.telegram.updates import Updates, Webhook
from tests.peers.telegram.whispers import Press, Whispers
from tests.peers.telegram.world import Chat, Json, Media, Message, Refused, World

_NOT_MODIFIED = (
    "Bad Request: message is not modified: specified new message content and reply markup are exactly the same "
    "as a current content and reply markup of the message"
)
_TOO_OLD = "Bad Request: query is too old and response timeout expired or query ID is invalid"


REACTIONS = frozenset(
    ["👍", "👎", "❤", "🔥", "👏", "🤔", "🤯", "😱", "🎉", "👌", "🤡", "🤨", "😐", "👀", "👾", "🤷", "🤓", "🗿"]
)
_GIFTS = dict.fromkeys(
    ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels"), False
)


class Methods(Whispers):
    """Carries out the calls of one bot."""

    def __init__(self, world: World, files: Files, updates: Updates, limits: Limits) -> None:
        self._world = world
        self._files = files
        self._updates = updates
        self._limits = limits
        self.presses: dict[str, Press] = {}
        self.press_seconds = 15.0
        self.commands: dict[str, list[Json]] = {}

    async def call(self, method: str, params: Json) -> Any:
        """The result of a method; names are case-insensitive, as in the real API."""
        handler = getattr(self, "_" + method, None)
        if handler is None:
            raise Refused(404, "Not Found")
        return await handler(params)

    async def _getme(self, params: Json) -> Json:
        flags = {"can_join_groups": True, "can_read_all_group_messages": self._world.reads_all}
        return {**self._world.bot.json(), **flags, "supports_inline_queries": False}

    async def _getupdates(self, params: Json) -> list[Json]:
        offset, seconds = int(params.get("offset", 0)), int(params.get("timeout", 0))
        limit = min(100, max(1, int(params.get("limit", 100))))
        return await self._updates.poll(offset, limit, seconds, params.get("allowed_updates"))

    async def _setwebhook(self, params: Json) -> bool:
        url = str(params.get("url", ""))
        if url and not url.startswith(
            ("https://", "http://127.0.0.1")
        ):  # the real one wants https; loopback may do without
            raise Refused(400, "Bad Request: bad webhook: An HTTPS URL must be provided for webhook")
        self._updates.allow(params.get("allowed_updates"))
        await self._updates.set_webhook(Webhook(url, params.get("secret_token")) if url else None)
        return True

    async def _deletewebhook(self, params: Json) -> bool:
        await self._updates.set_webhook(None)
        return True

    async def _getwebhookinfo(self, params: Json) -> Json:
        hook = self._updates.webhook
        waiting = len(self._updates.pending)
        return {"url": hook.url if hook else "", "has_custom_certificate": False, "pending_update_count": waiting}

    async def _sendmessage(self, params: Json) -> Json:
        return self._add(params, None)

    async def _sendphoto(self, params: Json) -> Json:
        return self._add(params, self._files.photo(params["photo"]))

    async def _senddocument(self, params: Json) -> Json:
        return self._add(params, self._files.document(params["document"], "document.json", "application/json"))

    def _add(self, params: Json, media: Media | None) -> Json:
        chat = self._writable(params)
        text, links = text_of(params, media)
        reply = params.get("reply_parameters") or {}
        reply_id = reply.get("message_id", params.get("reply_to_message_id"))
        target = chat.messages.get(int(reply_id)) if reply_id else None
        if reply_id and (target is None or target.deleted):
            if not (reply.get("allow_sending_without_reply") or params.get("allow_sending_without_reply")):
                raise Refused(400, "Bad Request: message to be replied not found")
            target = None
        topic = params.get("message_thread_id")
        if topic is not None and int(topic) not in chat.topics:
            raise Refused(400, "Bad Request: message thread not found")
        if topic is not None and int(topic) in chat.closed:
            raise Refused(400, "Bad Request: TOPIC_CLOSED")
        fields: Json = {"text": text, "links": links, "media": media, "keyboard": keyboard_of(params)}
        fields |= {"forced_reply": bool((params.get("reply_markup") or {}).get("force_reply"))}
        fields |= {"silent": _true(params.get("disable_notification"))}
        fields |= {"reply_to": target, "topic": int(topic) if topic else None}
        receiver = self._receiver(chat, params)
        self._limits.spend(chat)
        if receiver is None:
            return self._world.add(chat, self._world.bot, **fields).json()
        message = Message(chat, len(chat.whispers) + 1, self._world.bot, receiver=receiver, **fields)
        chat.whispers.append(message)
        return message.json()

    async def _deletemessage(self, params: Json) -> bool:
        self._own(params).deleted = True
        return True

    async def _setmessagereaction(self, params: Json) -> bool:
        chat = self._writable(params)
        message = chat.messages.get(int(params.get("message_id", 0)))
        if message is None or message.deleted:
            raise Refused(400, "Bad Request: message to react not found")
        emojis = [str(entry.get("emoji")) for entry in params.get("reaction") or []]
        allowed = REACTIONS if chat.reactions is None else REACTIONS & chat.reactions
        if len(emojis) > 1 or not allowed.issuperset(emojis):
            raise Refused(400, "Bad Request: REACTION_INVALID")
        message.reaction = "".join(emojis)
        return True

    async def _getchat(self, params: Json) -> Json:
        chat = self._writable(params)
        return {**chat.json(), "accent_color_id": 0, "max_reaction_count": 11, "accepted_gift_types": _GIFTS}

    async def _editmessagetext(self, params: Json) -> Json:
        message = self._own(params)
        (text, links), keyboard = text_of(params, message.media), keyboard_of(params)
        if (text, keyboard) == (message.text, message.keyboard):
            raise Refused(400, _NOT_MODIFIED)
        self._limits.spend(message.chat)
        message.text, message.keyboard, message.links = text, keyboard, links
        message.texts.append(text)
        return message.json()

    async def _editmessagereplymarkup(self, params: Json) -> Json:
        message = self._own(params)
        keyboard = keyboard_of(params)
        if keyboard == message.keyboard:
            raise Refused(400, _NOT_MODIFIED)
        self._limits.spend(message.chat)
        message.keyboard = keyboard
        message.texts.append(message.text)
        return message.json()

    async def _sendchataction(self, params: Json) -> bool:
        self._writable(params)
        return True

    async def _answercallbackquery(self, params: Json) -> bool:
        press = self.presses.get(str(params.get("callback_query_id")))
        if press is None or press.answered or time.monotonic() - press.pressed > self.press_seconds:
            raise Refused(400, _TOO_OLD)
        text = str(params.get("text", ""))
        if len(text) > 200:
            raise Refused(400, "Bad Request: MESSAGE_TOO_LONG")
        press.url = str(params.get("url", ""))
        if press.url and not press.url.startswith(f"https://t.me/{self._world.bot.username}?start="):
            raise Refused(400, "Bad Request: URL_INVALID")
        press.answered, press.text, press.alert = True, text, _true(params.get("show_alert"))
        return True

    async def _getfile(self, params: Json) -> Json:
        stored = self._files.get(params.get("file_id"))
        return {
            "file_id": stored.id,
            "file_unique_id": "u" + stored.id[4:],
            "file_size": stored.size,
            "file_path": stored.path,
        }

    async def _getchatmember(self, params: Json) -> Json:
        chat = self._world.chat(params.get("chat_id"))
        person = self._world.people.get(int(params.get("user_id", 0)))
        if person is None:
            raise Refused(400, "Bad Request: invalid user_id specified")
        bot = self._world.bot.id
        if chat.hidden_members and chat.status.get(bot) != "administrator" and person.id != bot:
            raise Refused(400, "Bad Request: member list is inaccessible")
        return member(chat, person.json())

    async def _getchatadministrators(self, params: Json) -> list[Json]:
        chat = self._world.chat(params.get("chat_id"))
        admins = [self._world.people[user] for user, status in chat.status.items() if status == "administrator"]
        return [member(chat, person.json()) for person in admins]

    async def _setmycommands(self, params: Json) -> bool:
        commands = params.get("commands") or []
        for command in commands:
            if not re.fullmatch(r"[a-z0-9_]{1,32}", command["command"]):
                raise Refused(400, "Bad Request: BOT_COMMAND_INVALID")
            if not 1 <= len(command["description"]) <= 256:
                raise Refused(400, "Bad Request: BOT_COMMAND_DESCRIPTION_INVALID")
        language = str(params.get("language_code", ""))
        if not re.fullmatch(r"(?:[a-z]{2})?", language):
            raise Refused(400, "Bad Request: LANG_CODE_INVALID")
        scope = (params.get("scope") or {"type": "default"})["type"]
        self.commands[f"{scope} {language}".strip()] = commands
        return True

    def _writable(self, params: Json) -> Chat:
        chat = self._world.chat(params.get("chat_id"))
        if not chat.started:
            raise Refused(403, "Forbidden: bot can't initiate conversation with a user")
        if chat.blocked:
            raise Refused(403, "Forbidden: bot was blocked by the user")
        if not chat.private:
            status = chat.status.get(self._world.bot.id, "left")
            if status == "kicked":
                raise Refused(403, f"Forbidden: bot was kicked from the {chat.kind} chat")
            if status == "left":
                raise Refused(403, f"Forbidden: bot is not a member of the {chat.kind} chat")
        if chat.muted:
            raise Refused(400, "Bad Request: not enough rights to send text messages to the chat")
        return chat

    def _own(self, params: Json) -> Message:
        chat = self._writable(params)
        message = chat.messages.get(int(params.get("message_id", 0)))
        if message is None or message.deleted:
            raise Refused(400, "Bad Request: message to edit not found")
        if message.sender != self._world.bot:
            raise Refused(400, "Bad Request: message can't be edited")
        return message


def member(chat: Chat, user: Json) -> Json:
    """The ChatMember object of somebody."""
    status = chat.status.get(user["id"], "left")
    entry: Json = {"user": user, "status": status}
    if status == "creator":
        entry["is_anonymous"] = False
    elif status == "administrator":
        entry |= dict.fromkeys(_RIGHTS, False) | {"can_be_edited": False, "can_manage_chat": True}
    elif status == "kicked":
        entry["until_date"] = 0
    return entry


_RIGHTS = (
    "is_anonymous",
    "can_delete_messages",
    "can_manage_video_chats",
    "can_restrict_members",
    "can_promote_members",
    "can_change_info",
    "can_invite_users",
    "can_post_stories",
    "can_edit_stories",
    "can_delete_stories",
)


def _true(value: object) -> bool:
    return str(value).casefold() in ("true", "1")
