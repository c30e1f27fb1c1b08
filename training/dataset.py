"""Labelled pictures from wherever an admin has them: a packed parquet file, or a folder with `real/` and `ai/`.

A folder may hold an `index.csv` (of training.collect) or `manifest.csv` (of `candid review export`) with a column `file`
(relative path) and any of label, kind, generator, source, fold, sha256. Without it, the first folder below real/ or ai/ is the source.
"""

import csv
import hashlib
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

FOLDS = 5
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif", ".bmp", ".tif", ".tiff"}


@dataclass(frozen=True, slots=True)
class Item:
    """One stored image file. `view` is `original` for a whole file as found, or what the packed set calls it
    (`crop`, `overview`, `whole`). `fold` is 0..4: whole sources, so that no source is on both sides of a split.
    `width` is that of the original, 0 where unknown."""

    id: str
    label: int
    kind: str
    generator: str
    source: str
    fold: int
    view: str
    width: int
    image: bytes | Path

    def read(self) -> bytes:
        return self.image if isinstance(self.image, bytes) else self.image.read_bytes()


def read_items(paths: Sequence[Path]) -> Iterator[Item]:
    """All items of several data sets, one after the other. Raises SystemExit with a sentence for a path that is no data set."""
    for path in paths:
        if path.suffix == ".parquet" and path.is_file():
            yield from read_parquet(path)
        elif (path / "real").is_dir() or (path / "ai").is_dir():
            yield from read_folder(path)
        else:
            raise SystemExit(f"{path} is no data set: give a .parquet file, or a folder that holds real/ and ai/.")


def read_parquet(path: Path) -> Iterator[Item]:
    """Rows of a packed set; its `label` is 0 real, 1 AI."""
    import pyarrow.parquet as parquet

    for batch in parquet.ParquetFile(path).iter_batches(batch_size=256):
        for row in batch.to_pylist():
            yield Item(
                id=row["id"],
                label=int(row["label"]),
                kind=row["kind"],
                generator=row["generator"] or "",
                source=row["source"],
                fold=int(row["fold"]),
                view=row["view"],
                width=int(row.get("original_width") or 0),
                image=row["image"],
            )


def read_folder(folder: Path) -> Iterator[Item]:
    """`folder/real/**` and `folder/ai/**`, with the facts of its index.csv or manifest.csv where that names a file."""
    facts = {**read_index(folder / "manifest.csv"), **read_index(folder / "index.csv")}
    for name, label in (("real", 0), ("ai", 1)):
        for file in sorted((folder / name).rglob("*")):
            if file.suffix.lower() not in SUFFIXES:
                continue
            inside = file.relative_to(folder)
            row = facts.get(inside.as_posix(), {})
            source = row.get("source") or (inside.parts[1] if len(inside.parts) > 2 else file.stem)
            yield Item(
                id=row.get("sha256", "")[:20] or hashlib.sha256(file.read_bytes()).hexdigest()[:20],
                label=label,
                kind=row.get("kind") or ("ai" if label else "photo"),
                generator=row.get("generator") or "",
                source=source,
                fold=int(row["fold"]) if row.get("fold") else fold_of(source),
                view="original",
                width=int(row.get("width") or 0),
                image=file,
            )


def read_index(path: Path) -> dict[str, dict[str, str]]:
    if not path.is_file():
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        return {row["file"]: row for row in csv.DictReader(file)}


def fold_of(source: str) -> int:
    """A source always falls into the same fold, on every machine."""
    return zlib.crc32(source.encode()) % FOLDS
