"""Reads messages: does this one ask for a check, and of which pictures?"""

import re
from dataclasses import replace

import discord

from bot.adapters.discord.asks import Ask, key_of_message
from bot.adapters.discord.fields import author, components, mentions
from bot.adapters.discord.here import author_of
from bot.adapters.discord.sources import Finder
from bot.wording import DEFAULT

TALK = (discord.MessageType.default, discord.MessageType.reply)
WORDS = re.compile(r"\W*(check|help|\?)?\W*", re.IGNORECASE)
LINK = re.compile(r"https?://", re.IGNORECASE)


def read(message: discord.Message, me: discord.abc.User, finder: Finder, automatic: bool) -> Ask | None:
    """The request in a message, or None. `automatic`: every picture in this channel is checked.

    Direct messages: any picture, own or replied to. Elsewhere: a picture with a mention of the bot, or a mention in a
    reply to a picture. A mention by nothing but the ping of a reply (somebody says thanks) asks for nothing.
    """
    user = author_of(message)
    if user is None or message.type not in TALK:
        return None
    private = message.guild is None
    named = re.search(rf"<@!?{me.id}>", message.content) is not None
    asked = private or named or (me in mentions(message) and bool(message.attachments))
    ask = Ask(
        key=key_of_message(message),
        user=user,
        channel=message.channel.id,
        guild=message.guild.id if message.guild is not None else None,
        message=message.id,
        target=(message.channel.id, message.id),
        author=user,
        locale=str(message.guild.preferred_locale) if message.guild is not None else DEFAULT,
    )
    own = finder.find(message, asked)
    if own and (asked or automatic):
        return replace(ask, sources=own, automatic=not asked)
    if not asked:
        return None
    rest = re.sub(rf"<@!?{me.id}>", "", message.content)
    replied = _replied_to(message, ask, me, finder, bool(WORDS.fullmatch(rest)))
    if replied is not None:
        return replied
    if LINK.search(rest):
        return replace(ask, sources=None, unfurls=True)
    if message.reference is None and (private or WORDS.fullmatch(rest)):
        return replace(ask, sources=())  # nothing to check: say how to ask
    return None


def _replied_to(message: discord.Message, ask: Ask, me: discord.abc.User, finder: Finder, plain: bool) -> Ask | None:
    """The request for the pictures of the message that this one replies to. `plain`: it says no more than "check"."""
    reference = message.reference
    if reference is None or reference.message_id is None or reference.type is not discord.MessageReferenceType.reply:
        return None
    target = (reference.channel_id, reference.message_id)
    resolved = reference.resolved
    if resolved is None:  # Discord did not look it up: read it when working on it
        return replace(ask, target=target, sources=None, author=None)
    if isinstance(resolved, discord.DeletedReferencedMessage):
        return replace(ask, target=target, sources=()) if plain else None
    found = finder.find(resolved, asked=True)
    if found:
        return replace(ask, target=target, sources=found, author=author_of(resolved))
    seen = any((resolved.content, resolved.attachments, resolved.embeds, resolved.stickers))
    wordless = resolved.poll is not None or bool(components(resolved)) or resolved.is_system()
    hidden = not (seen or wordless) and author(resolved) != me and not resolved.message_snapshots
    if hidden or plain:
        return replace(ask, target=target, sources=(), refusal="discord.hidden" if hidden else "")
    return None
