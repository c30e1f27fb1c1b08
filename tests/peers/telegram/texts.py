"""How the Bot API reads a text and a keyboard, and what it refuses."""

import html
import re

from tests.peers.telegram.world import Json, Media, Refused

LONGEST_TEXT, LONGEST_CAPTION = 4096, 1024

_TAG = re.compile(r"</?(?:b|i|u|s|code|pre|blockquote)>")
_LINK = re.compile(r'<a href="([^"]*)">([^<]*)</a>')


def text_of(params: Json, media: Media | None) -> tuple[str, list[Json]]:
    """The plain text (of media: the caption) and the links that are marked in it."""
    text = str(params.get("caption" if media else "text", ""))
    links: list[Json] = []
    if params.get("parse_mode") == "HTML":
        text = _TAG.sub("", text)
        while found := _LINK.search(text):
            before, words = html.unescape(text[: found.start()]), html.unescape(found[2])
            entity = {"type": "text_link", "offset": _units(before), "length": _units(words)}
            links.append({**entity, "url": html.unescape(found[1])})
            text = text[: found.start()] + found[2] + text[found.end() :]
        if "<" in text or ">" in text:
            raise Refused(400, "Bad Request: can't parse entities: Unsupported start tag")
        text = html.unescape(text)
    if not (text.strip() or media):
        raise Refused(400, "Bad Request: message text is empty")
    if len(text) > (LONGEST_CAPTION if media else LONGEST_TEXT):
        raise Refused(400, f"Bad Request: message {'caption ' if media else ''}is too long")
    return text.strip(), links


def keyboard_of(params: Json) -> list[list[Json]] | None:
    """The rows of inline buttons."""
    rows: list[list[Json]] = (params.get("reply_markup") or {}).get("inline_keyboard") or []
    for row in rows:
        for button in row:
            if len(button.get("callback_data", "").encode()) > 64:
                raise Refused(400, "Bad Request: BUTTON_DATA_INVALID")
            if not (button.get("url") or button.get("callback_data")):
                raise Refused(400, "Bad Request: can't parse inline keyboard button: Text buttons are unallowed")
            if not button.get("text"):
                raise Refused(400, "Bad Request: can't parse inline keyboard button: Text buttons are unallowed")
    return rows or None


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
