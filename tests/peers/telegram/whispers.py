"""Ephemeral messages (Bot API 10.3): one member of a group sees them, and a press of a button allows them."""

import time
from dataclasses import dataclass

from tests.peers.telegram.files import Files
from tests.peers.telegram.texts import text_of
from tests.peers.telegram.world import Chat, Json, Message, Person, Refused, World


@dataclass
class Press:
    """A pressed button, and what the bot answered to it."""

    id: str
    pressed: float
    answered: bool = False
    text: str = ""
    alert: bool = False
    url: str = ""


class Whispers:
    """The part of the methods that ephemeral messages need."""

    _world: World
    _files: Files
    presses: dict[str, Press]
    press_seconds: float

    def _receiver(self, chat: Chat, params: Json) -> Person | None:
        """Who alone is to see a message; a Bot API that does not know the parameter shows it to everybody."""
        wanted = params.get("ephemeral_message_parameters")
        if not wanted or self._world.deaf or not self._world.ephemeral:
            return None
        if chat.private:
            raise Refused(400, "Bad Request: ephemeral messages can't be sent to this chat")
        press = self.presses.get(str(wanted.get("callback_query_id")))
        fresh = press is not None and time.monotonic() - press.pressed <= self.press_seconds
        if chat.status.get(self._world.bot.id) != "administrator" and not fresh:
            raise Refused(400, "Bad Request: not enough rights to send the ephemeral message")
        return self._world.people[int(wanted["receiver_user_id"])]

    async def _editephemeralmessagetext(self, params: Json) -> bool:
        message = self._whisper(params)
        message.text, message.links = text_of(params, None)
        message.texts.append(message.text)
        return True

    async def _editephemeralmessagemedia(self, params: Json) -> bool:
        message = self._whisper(params)
        media = params.get("media") or {}
        name = str(media.get("media", "")).removeprefix("attach://")
        if not isinstance(params.get(name), bytes):
            raise Refused(400, "Bad Request: wrong file identifier/HTTP URL specified")
        message.media = self._files.photo(params[name])
        message.text, message.links = text_of(media, message.media)
        message.texts.append(message.text)
        return True

    def _whisper(self, params: Json) -> Message:
        if not self._world.ephemeral:
            raise Refused(404, "Not Found")
        if "receiver_user_id" not in params:
            raise Refused(400, "Bad Request: receiver_user_id is not specified")
        chat = self._world.chat(params.get("chat_id"))
        for message in chat.whispers:
            if message.id == int(params["ephemeral_message_id"]) and not message.deleted:
                return message
        raise Refused(400, "Bad Request: message to edit not found")
