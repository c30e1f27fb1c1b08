"""Brings an answer to where it was asked: into the deferred response, else as a reply, else as a direct message."""

import logging
import time

import discord
from discord.http import Route

from bot.accounts.discord import NEEDED, REACTIONS
from bot.adapters.discord.answer import Answer, sentence
from bot.adapters.discord.asks import Ask
from bot.adapters.discord.delivery import Delivery, Revoked, Stale
from bot.adapters.discord.here import link
from bot.adapters.discord.timings import Timings
from bot.inbox import Inbox
from bot.wording import say

log = logging.getLogger(__name__)

INVALID_TOKEN, INVALID_FORM = 50027, 50035
MISSING_PERMISSIONS, NO_HISTORY = 50013, 160002
SHUT_THREADS = (50083, 160005)  # archived, locked: with the status 400 or 403
TOO_MANY_REACTIONS = 30010
SAY_AGAIN = 3600.0
FOLLOWUP = "/webhooks/{webhook_id}/{webhook_token}"
ORIGINAL = FOLLOWUP + "/messages/@original"
REACTION = "/channels/{channel_id}/messages/{message_id}/reactions/{emoji}/@me"


def original(application: int, token: str) -> Route:
    """The response to an interaction: editing it says the same again, however often."""
    return Route("PATCH", ORIGINAL, webhook_id=application, webhook_token=token)


def missing(channel: object, *, reacting: bool = False) -> list[str]:
    """The permissions that the bot lacks in a channel, by the names that Discord shows."""
    if not isinstance(channel, discord.abc.GuildChannel | discord.Thread):
        return []
    if isinstance(channel, discord.Thread) and channel.parent is None:
        return []
    has = channel.permissions_for(channel.guild.me)
    thread = isinstance(channel, discord.Thread)
    skipped = "send_messages" if thread else "send_messages_in_threads"
    needed = {**NEEDED, **REACTIONS} if reacting else NEEDED
    return [shown for name, shown in needed.items() if name != skipped and not getattr(has, name)]


class Post:
    """Delivers answers, each once."""

    def __init__(self, delivery: Delivery, inbox: Inbox, timings: Timings) -> None:
        self._delivery = delivery
        self._inbox = inbox
        self._timings = timings
        self._said: dict[int, float] = {}  # channel -> when a missing permission was logged

    async def deliver(self, ask: Ask, answer: Answer, accepted: float, until: float, language: str) -> None:
        """Returns when the answer is there, or when it is clear that it can't be (and the log says so)."""
        if ask.token and await self._fill(ask, answer, min(until, accepted + self._timings.token_seconds)):
            return
        if not ask.private:
            await self._send(ask, answer, until, language)
        elif ask.token:
            await self._tell(ask, answer, say("discord.too_late", language))
        else:
            await self._inbox.update(ask.key, sending=True)
            if not await self._tell(ask, answer, say("discord.aside", language)):
                await self._send(ask, sentence(say("discord.aside_closed", language)), until, language)

    async def react(self, ask: Ask, symbols: list[str], until: float) -> None:
        """Put symbols below the message; doing it again changes nothing."""
        for symbol in symbols:
            route = Route("PUT", REACTION, channel_id=ask.channel, message_id=ask.message, emoji=symbol)
            try:
                await self._delivery.call(until, route)
            except discord.HTTPException as error:
                if not _shut(error) and error.code != TOO_MANY_REACTIONS:
                    raise
                self._note(ask, error, reacting=True)
                return

    async def arrived(self, ask: Ask, accepted: float, until: float) -> bool:
        """After a crash in the middle of sending: is the answer there? True also where that can't be known."""
        if ask.token or ask.message is None:
            return False
        fresh = time.time() - accepted < self._timings.nonce_seconds  # a nonce keeps a second one away for some minutes
        if ask.private:
            return not fresh  # direct messages are not looked through
        after = ask.message - 1
        route = Route("GET", "/channels/{channel_id}/messages", channel_id=ask.channel)
        me = 0

        async def read(client: discord.Client) -> list[dict[str, object]]:
            nonlocal me
            me = client.user.id if client.user is not None else 0
            found: list[dict[str, object]] = await client.http.request(route, params={"after": after, "limit": 100})
            return found

        try:
            history = await self._delivery.attempt(until, read)
        except (discord.Forbidden, discord.NotFound):
            history = []
        ids = {int(str(m["id"])) for m in history}
        for message in history:
            author, reference = message.get("author"), message.get("message_reference")
            mine = isinstance(author, dict) and int(author["id"]) == me
            if mine and isinstance(reference, dict) and int(reference.get("message_id", 0)) == ask.message:
                return True
        if ask.message in ids or fresh:
            return False
        log.warning("Discord: nobody knows whether %s was answered before the restart; it isn't again.", ask.key)
        return True

    async def _fill(self, ask: Ask, answer: Answer, until: float) -> bool:
        """Edit the deferred response. False if there is none, or its token is over."""
        try:
            await self._delivery.call(until, original(ask.application, ask.token), answer.body())
        except Stale:
            log.info("Discord: the token of %s is over.", ask.key)
            return False
        except discord.HTTPException as error:
            if not _shut(error) and error.code != INVALID_TOKEN:
                raise
            log.info("Discord: the response to %s can't be edited: %s", ask.key, error.text)
            return False
        return True

    async def _send(self, ask: Ask, answer: Answer, until: float, language: str) -> None:
        """Send a message, simpler where permissions are missing."""
        body = answer.body() | {"nonce": ask.nonce, "enforce_nonce": True}
        if ask.message is not None:
            body["message_reference"] = {
                "message_id": str(ask.message),
                "channel_id": str(ask.channel),
                "fail_if_not_exists": ask.automatic,  # nobody asked: a verdict on what is gone would only hang there
            }
        route = Route("POST", "/channels/{channel_id}/messages", channel_id=ask.channel)
        await self._inbox.update(ask.key, sending=True)
        while True:
            try:
                await self._delivery.call(until, route, body)
                return
            except discord.HTTPException as error:
                if error.code == NO_HISTORY and "message_reference" in body:
                    del body["message_reference"]
                elif error.code == MISSING_PERMISSIONS and body["embeds"]:
                    body |= answer.plain()
                elif ask.automatic and error.code == INVALID_FORM and "message_reference" in error.text:
                    log.info("Discord: %s is not answered: the message was deleted.", ask.key)
                    return
                elif _shut(error):
                    self._note(ask, error)
                    if not ask.automatic and (ask.guild is not None or ask.token):
                        why = "discord.too_late" if _over(error) else "discord.cannot_write"
                        note = say(why, language, channel=f"<#{ask.channel}>")
                        await self._tell(ask, answer, note)
                    return
                else:
                    raise
                self._note(ask, error)

    def _note(self, ask: Ask, error: discord.HTTPException, *, reacting: bool = False) -> None:
        """What is gone or shut; else one clear line a channel and hour about what an admin has to change."""
        if _over(error) or error.code == TOO_MANY_REACTIONS:
            log.warning("Discord: %s can't be answered as it should (%s).", ask.key, error.text)
            return
        now = time.monotonic()
        if now - self._said.get(ask.channel, -SAY_AGAIN) < SAY_AGAIN:
            return
        self._said[ask.channel] = now
        client = self._delivery.client
        channel = client.get_channel(ask.channel) if client is not None else None
        lacking = ", ".join(missing(channel, reacting=reacting)) or "perhaps View Channel or Send Messages"
        where = f"#{channel}" if channel is not None else f"channel {ask.channel}"
        log.warning(
            "Discord: I can't answer as I should in %s (%s). Missing permission: %s.", where, error.text, lacking
        )

    async def _tell(self, ask: Ask, answer: Answer, note: str) -> bool:
        """The answer as a direct message, with a note why it comes there, and the link by which its buttons know where.

        False when this person can't be written to.
        """
        until = time.time() + self._timings.tell_seconds
        about = link(ask.guild, *ask.target) if ask.guild is not None and ask.target is not None else ""
        body = answer.body() | {"nonce": ask.nonce, "enforce_nonce": True}
        body["content"] = "\n".join(filter(None, (note, about, answer.content)))
        try:
            opened = await self._delivery.call(until, Route("POST", "/users/@me/channels"), {"recipient_id": ask.user})
            route = Route("POST", "/channels/{channel_id}/messages", channel_id=int(opened["id"]))
            await self._delivery.call(until, route, body)
        except Revoked:
            raise
        except (Stale, discord.HTTPException) as error:
            log.warning("Discord: %s could not be told in a direct message either: %s", ask.key, type(error).__name__)
            return False
        return True


def _over(error: discord.HTTPException) -> bool:
    """The message or channel is gone, or it is a thread that is archived or locked."""
    return error.status == 404 or error.code in SHUT_THREADS


def _shut(error: discord.HTTPException) -> bool:
    """Discord doesn't let the bot say anything there."""
    return error.status == 403 or _over(error)
