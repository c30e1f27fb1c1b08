"""Small pictures, kept whole: one array of pixels that training maps into memory, for sets such as CIFAKE (Bird & Lotfi 2024).

`training.prepare --whole 32` writes the folder: `pixels.npy` (n, side, side, 3), and `about.npz` with each picture's label, its
digest and the part of the set that it falls into.
"""

import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.dataset import SUFFIXES

PARTS = 20  # a recipe's `fold` is one of these, held out to validate on
NAMES = {"real": 0, "ai": 1, "fake": 1}  # of folders, in any case
FILES = ("pixels.npy", "about.npz")

Pixels8 = NDArray[np.uint8]


@dataclass(frozen=True)
class Pixels:
    """`part` follows from the pixels alone, so that a picture and its twins are never on both sides of a split."""

    pixels: Pixels8  # (n, side, side, 3)
    label: NDArray[np.int8]  # 0 real, 1 AI
    digest: NDArray[np.str_]  # of the pixels: two pictures with the same one are twins
    part: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.label)

    @property
    def side(self) -> int:
        return int(self.pixels.shape[1])

    def only(self, chosen: NDArray[np.bool_]) -> "Pixels":
        return Pixels(self.pixels[chosen], self.label[chosen], self.digest[chosen], self.part[chosen])


def read_pixels(paths: Sequence[Path], side: int) -> Pixels:
    """All pictures of the sets. Raises SystemExit with a sentence for a picture of another size, or a path that is no data set."""
    from tqdm import tqdm

    arrays: list[Pixels8] = []
    labels: list[int] = []
    for path in paths:
        for name, data, label in tqdm(read_stored(path), desc=path.name, unit=" pictures", mininterval=2):
            try:
                pixels = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
            except (OSError, ValueError, SyntaxError) as error:  # what Pillow raises for damaged files
                raise SystemExit(f"{name} cannot be read: {error}") from error
            if pixels.shape != (side, side, 3):
                raise SystemExit(
                    f"{name} has {pixels.shape[1]}x{pixels.shape[0]} pixels, not {side}x{side}: "
                    "pictures that are kept whole must all have one size. Without --whole they are cut into tiles."
                )
            arrays.append(pixels)
            labels.append(label)
    if not arrays:
        raise SystemExit(f"{', '.join(map(str, paths))}: no pictures there.")
    digest = np.array([hashlib.sha256(pixels.tobytes()).hexdigest()[:20] for pixels in arrays])
    part = np.array([int(text[:8], 16) % PARTS for text in digest], np.int8)
    return Pixels(np.stack(arrays), np.array(labels, np.int8), digest, part)


def read_stored(path: Path) -> Iterator[tuple[str, bytes, int]]:
    """Name, bytes and label of each picture of a parquet file with the columns `image` and `label`, or of a folder that holds
    real/ and ai/ (REAL/ and FAKE/ will do)."""
    if path.suffix == ".parquet" and path.is_file():
        import pyarrow.parquet as parquet

        file = parquet.ParquetFile(path)
        if not {"image", "label"} <= set(file.schema_arrow.names):
            raise SystemExit(f"{path} has no columns `image` and `label`.")
        number = 0
        for batch in file.iter_batches(batch_size=1024, columns=["image", "label"]):
            for row in batch.to_pylist():
                yield f"{path}, row {number}", row["image"], int(row["label"])
                number += 1
        return
    folders = [folder for folder in sorted(path.glob("*/")) if folder.name.lower() in NAMES]
    if not folders:
        raise SystemExit(f"{path} is no data set: give a .parquet file, or a folder that holds real/ and ai/.")
    for folder in folders:
        for picture in sorted(folder.rglob("*")):
            if picture.suffix.lower() in SUFFIXES:
                yield str(picture), picture.read_bytes(), NAMES[folder.name.lower()]


def prepare_pixels(data: Sequence[Path], out: Path, side: int) -> None:
    """Write the folder that training.train reads; one that is complete is left alone."""
    if is_prepared(out):
        print(f"{out} is prepared already")
        return
    read = read_pixels(data, side)
    out.mkdir(parents=True, exist_ok=True)
    np.save(out / FILES[0], read.pixels)
    partial = out / "about.part.npz"
    np.savez(partial, label=read.label, digest=read.digest, part=read.part)
    partial.replace(out / FILES[1])  # comes last: a folder that has it is whole
    print(f"{len(read)} pictures of {side}x{side}, {read.label.mean():.1%} AI, written to {out}")


def is_prepared(folder: Path) -> bool:
    return (folder / FILES[1]).is_file()


def open_pixels(folder: Path) -> Pixels:
    """The pixels stay on disk until they are used."""
    if not is_prepared(folder):
        raise SystemExit(
            f"{folder} holds no small pictures: run python -m training.prepare --whole 32 --data ... --out {folder} first."
        )
    with np.load(folder / FILES[1]) as about:
        return Pixels(np.load(folder / FILES[0], mmap_mode="r"), about["label"], about["digest"], about["part"])
