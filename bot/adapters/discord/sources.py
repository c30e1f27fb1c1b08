"""Where the pictures of a Discord message are: attachments, embeds, components, stickers, and those of a forwarded one."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import discord
from yarl import URL

from bot.adapters.discord.fields import components
from bot.verdict import Arrival

CDN = frozenset({"cdn.discordapp.com", "media.discordapp.net"})
OTHER_MEDIA = ("video/", "audio/")
UNKNOWN_TYPES = (None, "", "application/octet-stream")


@dataclass(frozen=True, slots=True)
class Source:
    """One picture to fetch. `size` is what Discord says; `animation` is a Lottie sticker, which has no pixels."""

    url: str
    name: str
    size: int | None = None
    arrival: Arrival = Arrival.ORIGINAL
    animation: bool = False

    @property
    def place(self) -> str:
        """What stays the same in its url when that is signed anew: by it a picture is known again."""
        return URL(self.url).path

    def payload(self) -> dict[str, Any]:
        """As JSON, for the inbox."""
        return {
            "url": self.url,
            "name": self.name,
            "size": self.size,
            "arrival": str(self.arrival),
            "animation": self.animation,
        }

    @classmethod
    def from_payload(cls, data: dict[str, Any]) -> "Source":
        """From the inbox."""
        return cls(data["url"], data["name"], data["size"], Arrival(data["arrival"]), data["animation"])


def of_attachment(attachment: discord.Attachment) -> Source:
    """The file as the person sent it: `url`. (`proxy_url` is a re-encoded copy without metadata.)"""
    return Source(attachment.url, attachment.filename, attachment.size)


class Finder:
    """Finds pictures. `api` is the REST address of another server than Discord; its CDN is at the same origin."""

    def __init__(self, api: str = "") -> None:
        self._origin = URL(api).origin() if api else None

    def find(self, message: discord.Message, asked: bool) -> tuple[Source, ...]:
        """All pictures of a message, in order. `asked` by a person: also what only may be a picture."""
        parts: list[discord.Message | discord.MessageSnapshot] = [message, *message.message_snapshots]
        found = [source for part in parts for source in self._in(part, asked)]
        if not found and asked:
            found = [source for part in parts for source in self._previews(part.embeds)]
        if not found and asked:  # perhaps a picture under a wrong name: the bytes will tell
            found = [of_attachment(a) for part in parts for a in part.attachments if not _is(a, OTHER_MEDIA)]
        return tuple(found)

    def _in(self, part: discord.Message | discord.MessageSnapshot, asked: bool) -> Iterable[Source]:
        for attachment in part.attachments:
            if _is(attachment, ("image/",)) or (asked and attachment.content_type in UNKNOWN_TYPES):
                yield of_attachment(attachment)
        for embed in part.embeds:
            if embed.image.url:
                yield from self._of_embed(embed.image.url, embed.image.proxy_url)
            elif embed.type == "image" and embed.thumbnail.url:
                yield from self._of_embed(embed.thumbnail.url, embed.thumbnail.proxy_url)
        known = {of_attachment(attachment).place for attachment in part.attachments}
        for item in _items(components(part)):
            if (item.content_type or "image/").startswith("image/") and URL(item.url).path not in known:
                yield from self._of_embed(item.url, item.proxy_url)
        for sticker in part.stickers:
            lottie = sticker.format is discord.StickerFormatType.lottie
            yield Source(self._sticker(sticker), sticker.name, animation=lottie)

    def _of_embed(self, url: str, proxy: str | None, arrival: Arrival = Arrival.RECOMPRESSED) -> Iterable[Source]:
        """A picture that Discord hosts is fetched as it is; of any other site only Discord's copy.

        Whoever posts a link chooses its host: fetching that would let them read the bot's address or reach into the
        network that it runs in.
        """
        address = URL(url)
        ours = address.host in CDN or (self._origin is not None and address.origin() == self._origin)
        chosen = url if ours else proxy
        if chosen:
            kept = Arrival.ORIGINAL if ours and arrival is not Arrival.PREVIEW else arrival
            yield Source(chosen, address.name or address.host or "", arrival=kept)

    def _previews(self, embeds: Iterable[discord.Embed]) -> Iterable[Source]:
        for embed in embeds:
            if embed.thumbnail.url and embed.type not in ("video", "gifv"):
                yield from self._of_embed(embed.thumbnail.url, embed.thumbnail.proxy_url, Arrival.PREVIEW)

    def _sticker(self, sticker: discord.StickerItem) -> str:
        return sticker.url if self._origin is None else str(self._origin.join(URL(URL(sticker.url).path)))


def _items(shown: Sequence[object]) -> Iterator[discord.UnfurledMediaItem]:
    """What a bot's message shows without attachments and embeds: galleries, thumbnails, files, boxes of all these."""
    for component in shown:
        match component:
            case discord.MediaGalleryComponent():
                yield from (item.media for item in component.items)
            case discord.ThumbnailComponent() | discord.FileComponent():
                yield component.media
            case discord.SectionComponent():
                yield from _items([component.accessory])
            case discord.Container():
                yield from _items(component.children)


def _is(attachment: discord.Attachment, kinds: tuple[str, ...]) -> bool:
    return (attachment.content_type or "").startswith(kinds)
