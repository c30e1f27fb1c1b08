"""What a message may lack: discord.py sets these attributes only where the server sent them, and else has none to read."""

from collections.abc import Sequence

import discord


def author(message: discord.Message) -> discord.User | discord.Member | None:
    """Who wrote it, None where that isn't said: in the part of a message that an edit or a menu may bring."""
    return getattr(message, "author", None)


def mentions(message: discord.Message) -> Sequence[discord.User | discord.Member]:
    """The people whom it names."""
    return getattr(message, "mentions", ())


def components(part: discord.Message | discord.MessageSnapshot) -> Sequence[object]:
    """Its buttons, galleries and the like."""
    return getattr(part, "components", ())
