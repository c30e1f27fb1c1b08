"""Where a picture comes from in a Telegram message, and how its bytes are fetched."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from telegram import ExternalReplyInfo, Message
from telegram.error import BadRequest

from bot.adapters.telegram.delivery import Delivery, NotFound
from bot.core import Picture
from bot.errors import Refusal
from bot.verdict import Arrival
from bot.wording import say

logger = logging.getLogger(__name__)

_PICTURE_NAMES = (".jpg", ".jpeg", ".jfif", ".png", ".apng", ".webp", ".gif", ".avif", ".bmp", ".tif", ".tiff", ".heic")


class Kind(StrEnum):
    """What a message carries."""

    PHOTO = "photo"
    FILE = "file"
    STICKER = "sticker"
    MOVING = "moving"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Source:
    """One thing to look at: never its bytes, only how to get them."""

    kind: Kind
    file: str
    size: int = 0

    def payload(self) -> dict[str, Any]:
        """The form in which the inbox keeps it."""
        return {"kind": self.kind.value, "file": self.file, "size": self.size}

    @classmethod
    def of_payload(cls, payload: Mapping[str, Any]) -> "Source":
        """Back from the inbox."""
        return cls(Kind(payload["kind"]), str(payload["file"]), int(payload["size"]))

    @property
    def still(self) -> bool:
        """Whether this is an ordinary picture: what automatic mode looks at."""
        return self.kind in (Kind.PHOTO, Kind.FILE)

    @property
    def arrival(self) -> Arrival:
        """How its bytes reach us."""
        return Arrival.ORIGINAL if self.kind is Kind.FILE else Arrival.RECOMPRESSED


def source_of(message: Message | ExternalReplyInfo) -> Source | None:
    """The picture of a message, or what stands in its place; None for a message without media.

    An animation also fills `document` (for old bots), so the moving kinds are asked first.
    """
    photos = message.photo or (message.live_photo.photo if message.live_photo else ())
    if photos:
        largest = max(photos, key=lambda size: size.width * size.height)
        return Source(Kind.PHOTO, largest.file_id, largest.file_size or 0)
    if message.sticker:
        moves = message.sticker.is_animated or message.sticker.is_video
        kind = Kind.MOVING if moves else Kind.STICKER
        return Source(kind, message.sticker.file_id, message.sticker.file_size or 0)
    moving = message.animation or message.video or message.video_note
    if moving:
        return Source(Kind.MOVING, moving.file_id, moving.file_size or 0)
    if message.document:
        document = message.document
        kind = _kind_of_file(document.mime_type or "", document.file_name or "")
        return Source(kind, document.file_id, document.file_size or 0)
    return None


def _kind_of_file(mime: str, name: str) -> Kind:
    """What a file says that it is; whether it is one, the intake decides by its bytes."""
    if mime.startswith("image/") or name.casefold().endswith(_PICTURE_NAMES):
        return Kind.FILE
    if mime.startswith("video/"):
        return Kind.MOVING
    return Kind.FILE if mime in ("", "application/octet-stream") else Kind.OTHER


async def fetch(source: Source, delivery: Delivery, limit: int, deadline: float, language: str) -> Picture:
    """The bytes of a source. Raises Refusal with a sentence that says what to do."""
    if source.kind is Kind.MOVING:
        raise Refusal("moving", say("telegram.moving", language))
    if source.kind is Kind.OTHER:
        raise Refusal("not-a-picture", say("telegram.not_a_picture", language))
    too_large = Refusal("too-large", say("telegram.too_large", language, megabytes=limit // 2**20))
    if source.size > limit:
        raise too_large
    for _ in range(2):  # a link lives for an hour only; one that is gone is asked for once more
        try:
            data = await delivery.download(source.file, limit, deadline)
        except NotFound:
            continue
        except BadRequest as error:
            if "too big" in error.message.casefold():
                raise too_large from None
            logger.info("Telegram does not hand out a file: %s", error.message)
            break
        if data is None:
            raise too_large
        return Picture(data, source.arrival)
    raise Refusal("gone", say("telegram.gone", language))
