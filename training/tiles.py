"""The prepared tiles: read from disk without copying them into memory, and drawn so that no source or subject dominates."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# Subjects are matched between the classes, so that "a face" or "a drawing" says nothing about the label.
# Shares of what is drawn, per label; a subject that a label lacks leaves its share to the others.
SUBJECTS = {
    "photo": "photo", "face": "face", "product": "product",
    "art": "drawn", "illustration": "drawn", "anime": "drawn", "render": "render",
    "edited": "other", "screenshot": "other", "chart": "other", "scan": "other", "meme": "other", "logo": "other",
    "ai": "unnamed",
}  # fmt: skip
SHARES = (
    {"photo": 0.45, "face": 0.13, "product": 0.08, "drawn": 0.17, "render": 0.05, "other": 0.12},
    {"photo": 0.30, "face": 0.09, "product": 0.07, "drawn": 0.12, "render": 0.04, "other": 0.02, "unnamed": 0.36},
)
NATIVE_SHARE = 0.55


@dataclass(frozen=True)
class Tiles:
    """All rows of the parts in one table; columns that sampling needs as arrays of the same length."""

    images: list[Any]  # pyarrow binary arrays, one a part
    starts: NDArray[np.int64]  # the first row of each part
    label: NDArray[np.int8]
    fold: NDArray[np.int8]
    view: NDArray[np.str_]
    id: NDArray[np.str_]
    kind: NDArray[np.str_]
    group: NDArray[np.str_]  # source and generator
    teacher: NDArray[np.float16] | None  # (rows, width), NaN where the teacher did not look

    def __len__(self) -> int:
        return len(self.label)

    def picture(self, row: int) -> Image.Image:
        part = int(np.searchsorted(self.starts, row, side="right")) - 1
        stored = self.images[part][row - int(self.starts[part])].as_buffer()
        return Image.open(io.BytesIO(stored)).convert("RGB")


def open_part(file: Path) -> Any:
    """One part as a pyarrow table over the memory-mapped file: id, label, kind, generator, source, fold, view, image."""
    import pyarrow as arrow

    return arrow.ipc.open_file(arrow.memory_map(str(file))).read_all()


def open_tiles(prepared: Path) -> Tiles:
    """Everything below `prepared`; raises SystemExit with a sentence when there is nothing."""
    files = sorted(prepared.glob("*.arrow"))
    if not files:
        raise SystemExit(
            f"{prepared} holds no prepared tiles: run python -m training.prepare --data ... --out {prepared} first."
        )
    tables = [open_part(file) for file in files]
    columns: dict[str, list[Any]] = {
        name: [] for name in ("id", "label", "kind", "generator", "source", "fold", "view")
    }
    for table in tables:
        for name, values in columns.items():
            values.extend(table[name].to_pylist())
    lengths = [table.num_rows for table in tables]
    taught = [file.with_suffix(".teacher.npy") for file in files]
    teacher = None
    if any(file.exists() for file in taught):
        width = np.load(next(file for file in taught if file.exists()), mmap_mode="r").shape[1]
        blank = [
            np.load(file) if file.exists() else np.full((n, width), np.nan, np.float16)
            for file, n in zip(taught, lengths, strict=True)
        ]
        teacher = np.concatenate(blank)
    return Tiles(
        images=[table["image"].combine_chunks() for table in tables],
        starts=np.cumsum([0, *lengths[:-1]]),
        label=np.array(columns["label"], np.int8),
        fold=np.array(columns["fold"], np.int8),
        view=np.array(columns["view"]),
        id=np.array(columns["id"]),
        kind=np.array(columns["kind"]),
        group=np.array(
            [f"{source}/{generator}" for source, generator in zip(columns["source"], columns["generator"], strict=True)]
        ),
        teacher=teacher,
    )


def draw_weights(tiles: Tiles, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """How often to draw each of `rows`, summing to 1: labels equally, subjects by SHARES, and within them a group of n
    pictures as often as the square root of n says, so that a large gallery counts for more than a small one, but not by its size."""
    weights = np.zeros(len(rows))
    label, view = tiles.label[rows], tiles.view[rows]
    subject = np.array([SUBJECTS.get(kind, "other") for kind in tiles.kind[rows]])
    groups = np.char.add(tiles.group[rows], label.astype(str))
    _, group_index = np.unique(groups, return_inverse=True)
    pictures = np.unique(np.stack([group_index.astype(str), tiles.id[rows]], axis=1), axis=0)[:, 0].astype(int)
    group_size = np.bincount(pictures, minlength=group_index.max() + 1)
    by_picture_and_view = np.char.add(tiles.id[rows], view)
    _, inverse, tiles_of = np.unique(by_picture_and_view, return_inverse=True, return_counts=True)
    base = group_size[group_index] ** -0.5 / tiles_of[inverse]
    for side in (0, 1):
        shares = {name: share for name, share in SHARES[side].items() if np.any((label == side) & (subject == name))}
        for name, share in shares.items():
            for kind_of_view, view_share in (("native", NATIVE_SHARE), ("overview", 1 - NATIVE_SHARE)):
                chosen = (label == side) & (subject == name) & (view == kind_of_view)
                if chosen.any():
                    weights[chosen] = base[chosen] / base[chosen].sum() * share * view_share
        weights[label == side] *= 0.5 / max(weights[label == side].sum(), 1e-12)
    # A handful of pictures must not be shown a hundred times for the sake of a share.
    weights = np.minimum(weights, 12 / len(rows))
    for side in (0, 1):
        weights[label == side] *= 0.5 / max(weights[label == side].sum(), 1e-12)
    return weights
