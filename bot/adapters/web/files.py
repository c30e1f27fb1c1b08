"""The files of the page: package data, with the sentences of each language rendered in once, at the start."""

import hashlib
import html
import json
import re
from dataclasses import dataclass
from importlib import resources

from aiohttp import hdrs, web

from bot.adapters.web.language import language_of
from bot.settings import ChecksSettings
from bot.wording import languages, say

_TYPES = {"html": "text/html", "js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}

_SCRIPT_WORDS = (  # sentences that the scripts show, some with {values} that only they know
    "title",
    "waiting",
    "sending",
    "looking",
    "later_busy",
    "later_warming",
    "finished",
    "refused_title",
    "refused",
    "failed_title",
    "try_again",
    "unreachable",
    "added",
    "too_many",
    "nothing_pasted",
    "nothing_dropped",
    "cleared",
    "pasted_name",
    "caption",
    "where_looking",
    "where_alt",
    "where_means",
)


@dataclass(frozen=True, slots=True)
class _File:
    body: bytes
    content_type: str
    tag: str


class Page:
    """Serves the page. `paths` are open to everyone who may connect: they hold nothing but words."""

    def __init__(self, checks: ChecksSettings) -> None:
        self._files: dict[str, _File] = {}
        self._pages: dict[str, _File] = {}  # the page itself in each language
        for entry in (resources.files("bot.adapters") / "page").iterdir():
            kind = _TYPES.get(entry.name.rpartition(".")[2])
            if entry.name == "index.html":
                template = entry.read_text(encoding="utf-8")
                self._pages = {one: _file(_render(template, checks, one).encode(), "text/html") for one in languages()}
            elif kind is not None:
                self._files[f"/{entry.name}"] = _file(entry.read_bytes(), kind)
        self.paths = frozenset(self._files) | {"/"}

    async def serve(self, request: web.Request) -> web.Response:
        """GET of one of `paths`."""
        language = language_of(request)
        file = self._pages[language] if request.path == "/" else self._files[request.path]
        response = web.Response(body=file.body, content_type=file.content_type, charset="utf-8")
        response.etag = file.tag
        response.headers[hdrs.CACHE_CONTROL] = "no-cache"  # kept, but asked for again: a new version shows at once
        if request.path == "/":
            response.headers[hdrs.CONTENT_LANGUAGE] = language
            response.headers[hdrs.VARY] = hdrs.ACCEPT_LANGUAGE
        if any(tag.value == file.tag for tag in request.if_none_match or ()):
            response.set_status(304)
            response.body = None
        return response


def _file(body: bytes, kind: str) -> _File:
    return _File(body, kind, hashlib.sha256(body).hexdigest()[:16])


def megabytes(checks: ChecksSettings) -> str:
    """The size limit as a person reads it."""
    return f"{checks.max_bytes / 2**20:g}"


def _render(template: str, checks: ChecksSettings, language: str) -> str:
    size = megabytes(checks)

    def sentence(key: str) -> str:
        return say(f"web.{key}", language, **({"megabytes": size} if key == "limits" else {}))

    words = {key: say(f"web.{key}", language) for key in _SCRIPT_WORDS}
    words["too_large"] = say("web.too_large", language, megabytes=size)
    # Inside <script> only "<" could end the block; as \u003c it can't.
    script = json.dumps({"words": words, "max_bytes": checks.max_bytes}, ensure_ascii=False).replace("<", "\\u003c")
    own = {"language": language, "words": script}

    def fill(found: re.Match[str]) -> str:
        key = found[1]
        return own[key] if key in own else html.escape(sentence(key))

    return re.sub(r"\{\{(\w+)\}\}", fill, template)
