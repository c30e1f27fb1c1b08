"""One uploaded picture out of a request: form field `image`, or the raw body. Never more in memory than allowed."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from aiohttp import BodyPartReader, ClientPayloadError, hdrs, web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_exceptions import HTTPException

from bot.errors import Refusal
from bot.wording import say

FORM_BYTES = 64 * 1024  # what a multipart form may add around the picture

_CHUNK = 64 * 1024
_TORN = (  # what aiohttp raises for a body that is not what its headers promise
    AssertionError,
    ClientPayloadError,
    HTTPException,
    HttpProcessingError,
    KeyError,
    RuntimeError,
    TypeError,
    ValueError,
    web.RequestPayloadError,
)


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds that the web adapter is patient for."""

    idle: float = 20.0  # silence within an upload
    upload: float = 300.0  # a whole upload: 20 MiB over half a megabit a second
    turn: float = 30.0  # waiting for a turn when too many upload at once
    connection: float = 60.0  # a connection that asks for nothing
    close: float = 10.0  # finishing what was accepted before the end


class BadUpload(Refusal):
    """The request holds no picture that could be judged; `status` is the HTTP status that says so."""

    def __init__(self, status: int, reason: str, text: str) -> None:
        super().__init__(reason, text)
        self.status = status


async def wait_with_continue(request: web.Request) -> None:
    """For `Expect: 100-continue`: promise nothing before the request has been let in (see `read_picture`)."""


async def read_picture(request: web.Request, max_bytes: int, timings: Timings, language: str) -> bytes:
    """The bytes of the picture; BadUpload when there are none, too many, or they come too slowly."""
    too_large = BadUpload(413, "too-large", say("web.too_large", language, megabytes=f"{max_bytes / 2**20:g}"))
    if (request.content_length or 0) > max_bytes + FORM_BYTES:
        raise too_large
    if request.headers.get(hdrs.EXPECT, "").lower() == "100-continue" and request.transport is not None:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    now = asyncio.get_running_loop().time
    end = now() + timings.upload
    chunks: list[bytes] = []
    size = other = 0
    try:
        async with asyncio.timeout(timings.idle) as patience:
            async for chunk, is_picture in _chunks(request):
                patience.reschedule(min(now() + timings.idle, end))
                if is_picture:
                    size += len(chunk)
                    chunks.append(chunk)
                else:
                    other += len(chunk)
                if size > max_bytes or other > FORM_BYTES:
                    raise too_large
    except TimeoutError:
        raise BadUpload(408, "too-slow", say("web.too_slow", language)) from None
    except _TORN as error:
        raise BadUpload(400, "bad-request", say("web.bad_request", language)) from error
    if not size:
        raise BadUpload(400, "no-picture", say("web.no_picture", language))
    return b"".join(chunks)


async def _chunks(request: web.Request) -> AsyncIterator[tuple[bytes, bool]]:
    """Pieces of the body, and whether they are the picture's."""
    if request.content_type != "multipart/form-data":
        while chunk := await request.content.read(_CHUNK):
            yield chunk, True
        return
    form = await request.multipart()
    found = False
    while (part := await form.next()) is not None:
        if not isinstance(part, BodyPartReader):
            raise ValueError("a form within a form")
        is_picture = part.name == "image" and not found
        found = found or is_picture
        while chunk := await part.read_chunk(_CHUNK):
            yield chunk, is_picture
