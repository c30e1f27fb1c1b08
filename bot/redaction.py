"""Takes secrets out of text before it leaves the process: the configured ones, and whatever has a token's shape."""

import re
from collections.abc import Iterable
from urllib.parse import quote

from bot.secret import Secret

HIDDEN = "***"

_SHAPES = (
    re.compile(r"(?<![\w-])[\w-]{23,30}\.[\w-]{6,7}\.[\w-]{27,}"),  # a Discord bot token
    re.compile(r"(?<!\d)\d{6,12}(?::|%3A)[\w-]{30,}", re.IGNORECASE),  # a Telegram bot token
    re.compile(r"(?<=/bot)\d+(?::|%3A)[^/\s\"'<>]+", re.IGNORECASE),  # in a Bot API address, of any length
    re.compile(r"(?<=/webhooks/)(\d+/)[\w-]{20,}"),  # Discord's answers to interactions go to such addresses
    re.compile(r"(?<=/interactions/)(\d+/)[\w-]{20,}"),
    re.compile(r"\b((?:Bot|Bearer|Basic)\s+)[\w.~+/=:-]{8,}"),  # an Authorization header
    re.compile(r"(?<=://)()[^/\s:@]*:[^/\s@]+(?=@)"),  # user and password in an address
)
_SHORTEST = 4  # a shorter "secret" would hide half of every line


class Redactor:
    """Knows the configured secrets. Calling it with a text gives the text without any."""

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        texts = {one.reveal() for one in secrets if len(one.reveal()) >= _SHORTEST}
        texts |= {quote(text, safe="") for text in texts}
        longest_first = sorted(texts, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def __call__(self, text: str) -> str:
        if self._known is not None:
            text = self._known.sub(HIDDEN, text)
        for shape in _SHAPES:
            text = shape.sub(lambda found: (found[1] if found.re.groups else "") + HIDDEN, text)
        return text
