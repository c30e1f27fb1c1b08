"""A collection of labelled pictures on disk: `real/` and `ai/` with a folder a source, and index.csv with a row each.

It is a data set that training.prepare takes as it is. A picture is kept once, whatever its name: bytes are compared
by SHA-256, looks by a perceptual hash (Zauner 2010), so that a resized or recompressed copy does not come in under
another source or label.
"""

import csv
import datetime
import hashlib
import io
import re
from dataclasses import dataclass
from pathlib import Path

import imagehash
import numpy as np
from PIL import Image

from training.dataset import fold_of
from training.prepare import open_upright

COLUMNS = (
    "file", "label", "kind", "generator", "source", "fold", "sha256", "phash", "licence", "origin", "page", "format",
    "width", "height", "bytes", "collected",
)  # fmt: skip
NEAR = 4  # bits of 64 in which a copy's perceptual hash may differ
EXTENSIONS = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp", "GIF": "gif", "AVIF": "avif", "BMP": "bmp", "TIFF": "tif"}


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a picture besides its bytes; `origin` is its path or address, `page` where it was linked."""

    label: int
    kind: str
    generator: str
    source: str
    licence: str
    origin: str
    page: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    smallest: int = 200  # pixels of the short side
    pixels: int = 64_000_000
    bytes: int = 30_000_000


class Shelf:
    """Opens what is there, so a run goes on where another one was stopped."""

    def __init__(self, folder: Path, limits: Limits | None = None) -> None:
        self.folder, self.limits = folder, limits or Limits()
        self.index = folder / "index.csv"
        self.origins: set[str] = set()
        self._hashes: set[str] = set()
        self._looks: list[int] = []
        folder.mkdir(parents=True, exist_ok=True)
        if self.index.is_file():
            with self.index.open(newline="", encoding="utf-8") as file:
                for row in csv.DictReader(file):
                    self.origins.add(row["origin"])
                    self._hashes.add(row["sha256"])
                    self._looks.append(int(row["phash"], 16))
        else:
            self._append(COLUMNS)

    def __len__(self) -> int:
        return len(self._hashes)

    def add(self, data: bytes, facts: Facts) -> str:
        """Keep the picture. Says "kept", or why not: "large", "broken", "small", "known" (bytes), "alike" (looks)."""
        if len(data) > self.limits.bytes:
            return "large"
        digest = hashlib.sha256(data).hexdigest()
        if digest in self._hashes:
            return "known"
        try:
            kind, width, height, looks = look_at(data, self.limits)
        except ValueError as error:
            return str(error)
        if self._looks and int(np.bitwise_count(np.array(self._looks, np.uint64) ^ np.uint64(looks)).min()) <= NEAR:
            return "alike"
        inside = Path("ai" if facts.label else "real") / safe(facts.source) / f"{digest[:20]}.{EXTENSIONS[kind]}"
        target = self.folder / inside
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_suffix(".part")
        partial.write_bytes(data)
        partial.rename(target)
        self._append([
            inside.as_posix(), str(facts.label), facts.kind, facts.generator, facts.source, str(fold_of(facts.source)),
            digest, f"{looks:016x}", facts.licence, facts.origin, facts.page, kind, str(width), str(height),
            str(len(data)), datetime.date.today().isoformat(),
        ])  # fmt: skip
        self.origins.add(facts.origin)
        self._hashes.add(digest)
        self._looks.append(looks)
        return "kept"

    def _append(self, row: tuple[str, ...] | list[str]) -> None:
        """One whole row at a time; the picture is on disk before its row, so a row never lacks its picture."""
        with self.index.open("a", newline="", encoding="utf-8") as file:
            csv.writer(file).writerow(row)


def look_at(data: bytes, limits: Limits) -> tuple[str, int, int, int]:
    """Format, width, height and perceptual hash. Raises ValueError with the reason for one that is not wanted."""
    try:
        with Image.open(io.BytesIO(data)) as opened:
            kind, (width, height) = opened.format or "", opened.size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError("broken") from error
    if kind not in EXTENSIONS:
        raise ValueError("broken")
    if min(width, height) < limits.smallest:
        raise ValueError("small")
    if width * height > limits.pixels:
        raise ValueError("large")
    try:
        picture = open_upright(data)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError("broken") from error
    return kind, width, height, int(str(imagehash.phash(picture)), 16)


def safe(name: str) -> str:
    """A source's name as the name of a folder."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "unnamed"
