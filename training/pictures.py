"""Held-out pictures: what is stored of each, brought together, so that a picture is judged and counted once."""

import zlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from training.dataset import Item, read_items


@dataclass(frozen=True, slots=True)
class Picture:
    """`stored` has the items by view: `original` or `whole` alone, or `crop` and `overview` of a packed picture."""

    id: str
    label: int
    kind: str
    generator: str
    source: str
    fold: int
    width: int
    stored: dict[str, Item]

    @property
    def complete(self) -> bool:
        """Whether the whole picture is stored, pixel for pixel, and not only a crop and an overview of it."""
        return "original" in self.stored or "whole" in self.stored

    @property
    def key(self) -> str:
        """Names what was scored: the same picture may lie packed in one data set and whole in another."""
        return f"{self.id}/{'+'.join(sorted(self.stored))}"


def read_pictures(paths: Sequence[Path], fold: int | None, limit: int = 0) -> list[Picture]:
    """The pictures of the fold `fold` (None: of all folds); a picture that two data sets hold is taken as the original.

    `limit` > 0 takes about so many, evenly over labels and sources. Raises SystemExit with a sentence for none.
    """
    found: dict[str, dict[str, Item]] = defaultdict(dict)
    for item in read_items(paths):
        if fold is None or item.fold == fold:
            found[item.id][item.view] = item
    pictures = [picture_of(stored) for stored in found.values()]
    if not pictures:
        where = " ".join(str(path) for path in paths)
        raise SystemExit(
            f"{where} has no picture in fold {fold}: give more data, another --fold, or --fold -1 for all."
        )
    return balanced(pictures, limit) if limit else pictures


def picture_of(stored: dict[str, Item]) -> Picture:
    for view in ("original", "whole"):
        if view in stored:
            stored = {view: stored[view]}
    item = next(iter(stored.values()))
    return Picture(item.id, item.label, item.kind, item.generator, item.source, item.fold, item.width, stored)


def balanced(pictures: list[Picture], limit: int) -> list[Picture]:
    """At most `limit` pictures, half of each label, one from each source in turn; the same ones every time."""
    chosen: list[Picture] = []
    for label in (0, 1):
        ranked: list[tuple[int, int, Picture]] = []
        by_source: dict[str, list[Picture]] = defaultdict(list)
        for picture in pictures:
            if picture.label == label:
                by_source[picture.source].append(picture)
        for members in by_source.values():
            members.sort(key=lambda picture: zlib.crc32(picture.id.encode()))
            ranked += [(turn, zlib.crc32(picture.source.encode()), picture) for turn, picture in enumerate(members)]
        ranked.sort(key=lambda entry: (entry[0], entry[1], entry[2].id))
        chosen += [picture for _, _, picture in ranked[: limit // 2]]
    return chosen
