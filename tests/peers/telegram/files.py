"""The files of the loopback Telegram: photos as it recompresses them, documents with every byte."""

import hashlib
import io
from dataclasses import dataclass
from typing import Any

from PIL import Image, ImageOps

from tests.peers.telegram.world import Json, Media, Refused

LONGEST_SIDES = (90, 320, 800, 1280)
LARGEST_DOWNLOAD = 20 * 2**20


@dataclass(frozen=True)
class Stored:
    """One file; `size` may be declared larger than the bytes that are really kept."""

    id: str
    path: str
    data: bytes
    size: int


class Files:
    """Stores what people send and hands it out by file id and by path."""

    def __init__(self) -> None:
        self._by_id: dict[str, Stored] = {}
        self._by_path: dict[str, Stored] = {}
        self.downloads = 0
        self._count = 0

    def photo(self, data: bytes) -> Media:
        """A photo: JPEGs of several sizes, longest side at most 1280, quality 85, upright, metadata gone."""
        with Image.open(io.BytesIO(data)) as opened:
            picture = ImageOps.exif_transpose(opened).convert("RGB")
        sizes: list[Json] = []
        for side in LONGEST_SIDES:
            small = picture.copy()
            small.thumbnail((side, side), Image.Resampling.LANCZOS)
            if sizes and small.size == (sizes[-1]["width"], sizes[-1]["height"]):
                break
            out = io.BytesIO()
            small.save(out, "JPEG", quality=85)
            entry = self._keep(out.getvalue(), "photos", "jpg")
            sizes.append({**_identity(entry), "width": small.width, "height": small.height, "file_size": entry.size})
        return Media("photo", sizes)

    def document(self, data: bytes, name: str, mime: str | None, size: int | None = None) -> Media:
        """A picture (or anything else) sent as a file: its bytes stay as they are."""
        entry = self._keep(data, "documents", name.rpartition(".")[2] or "bin", size)
        document: Json = {**_identity(entry), "file_name": name, "file_size": entry.size}
        if mime:
            document["mime_type"] = mime
        return Media("document", document)

    def sticker(self, data: bytes, *, animated: bool = False, video: bool = False) -> Media:
        """A sticker: static WebP, or a moving one."""
        entry = self._keep(data, "stickers", "tgs" if animated else "webm" if video else "webp")
        flags = {"type": "regular", "is_animated": animated, "is_video": video}
        return Media("sticker", {**_identity(entry), **flags, "width": 512, "height": 512, "file_size": entry.size})

    def moving(self, kind: str, data: bytes) -> Media:
        """A video or an animation (what Telegram makes of a GIF)."""
        entry = self._keep(data, kind + "s", "mp4")
        size = {"width": 640, "height": 360, "duration": 3, "mime_type": "video/mp4", "file_size": entry.size}
        return Media(kind, {**_identity(entry), **size})

    def get(self, file_id: Any) -> Stored:
        """The file of an id, or the refusal of getFile."""
        stored = self._by_id.get(str(file_id))
        if stored is None:
            raise Refused(400, "Bad Request: wrong file_id or the file is temporarily unavailable")
        if stored.size > LARGEST_DOWNLOAD:
            raise Refused(400, "Bad Request: file is too big")
        return stored

    def lose(self) -> None:
        """Every file that was sent is gone."""
        self._by_id.clear()
        self._by_path.clear()

    def at(self, path: str) -> Stored | None:
        """The file behind a download link."""
        self.downloads += 1
        return self._by_path.get(path)

    def _keep(self, data: bytes, folder: str, extension: str, size: int | None = None) -> Stored:
        number, self._count = self._count, self._count + 1
        digest = hashlib.sha256(data).hexdigest()[:24]
        path = f"{folder}/file_{number}.{extension}"
        stored = Stored(f"AgAC{number}-{digest}", path, data, len(data) if size is None else size)
        self._by_id[stored.id] = self._by_path[path] = stored
        return stored


def _identity(stored: Stored) -> Json:
    return {"file_id": stored.id, "file_unique_id": "u" + stored.id[4:]}
