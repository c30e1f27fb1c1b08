"""Cut pictures into tiles that training reads fast.

    python -m training.prepare --data data/mine --out data/prepared            # a folder with real/ and ai/
    python -m training.prepare --data wild.parquet data/more --out data/prepared
    python -m training.prepare --whole 32 --data cifake-train.parquet --out data/cifake     # small pictures, as they are

From each original: native tiles (pixels as they are), tiles after a shrink to 512-1280 pixels (as chats deliver them) and
overviews (the whole). All are stored the same way, JPEG at quality 98 without chroma subsampling, so that storage tells nothing
about the label. A repeated or interrupted run skips the parts that are there. No picture leaves the machine.
"""

import argparse
import io
import warnings
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from training.dataset import Item, read_items
from training.pixels import prepare_pixels

NATIVE, SHRUNK, OVERVIEW = 3, 2, 2  # tiles of each kind from one original
TILE = 272  # pixels: room for the rescaling and shifting that augmentation does
OVERVIEW_SIDE = 224  # short side of an overview tile
PART = 200  # pictures in one part file
KERNELS = (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS, Image.Resampling.BOX)

Tile = tuple[str, Image.Image]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--data", type=Path, nargs="+", required=True, help="packed parquet files, or folders with real/ and ai/"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for the tiles")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument(
        "--whole", type=int, metavar="SIDE", help="the pictures are SIDE x SIDE pixels: keep them whole"
    )
    arguments = parser.parse_args()
    if arguments.whole:
        prepare_pixels(arguments.data, arguments.out, arguments.whole)
        return
    prepare(arguments.data, arguments.out, arguments.processes)


def prepare(data: list[Path], out: Path, processes: int = 2) -> None:
    """Write one Arrow file per part of the data below `out`; parts that exist are left alone."""
    from tqdm import tqdm

    out.mkdir(parents=True, exist_ok=True)
    tiles = skipped = 0
    with ProcessPoolExecutor(processes) as pool:
        for path in data:
            items = list(read_items([path]))
            jobs = [(out / f"{path.stem}-{number:04d}.arrow", part) for number, part in enumerate(parts(items))]
            todo = [job for job in jobs if not job[0].exists()]
            done = pool.map(write_part, *zip(*todo, strict=True)) if todo else iter(())
            for made, lost in tqdm(done, total=len(todo), desc=f"{path.name}, parts of {PART}"):
                tiles, skipped = tiles + made, skipped + lost
    print(f"{tiles} tiles written to {out}; {skipped} pictures could not be read and were left out")


def parts(items: Iterable[Item]) -> Iterator[list[Item]]:
    part: list[Item] = []
    for item in items:
        part.append(item)
        if len(part) == PART:
            yield part
            part = []
    if part:
        yield part


def write_part(file: Path, items: list[Item]) -> tuple[int, int]:
    """Cut one part's pictures; returns how many tiles were written and how many pictures could not be read."""
    import pyarrow as arrow

    rows: list[dict[str, Any]] = []
    skipped = 0
    for item in items:
        try:
            picture = open_upright(item.read())
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):  # what Pillow raises for damaged files
            skipped += 1
            continue
        random = np.random.default_rng(zlib.crc32(item.id.encode()))
        for view, tile in cut(picture, item.view, random):
            encoded = io.BytesIO()
            tile.save(encoded, "JPEG", quality=98, subsampling=0)
            rows.append({
                "id": item.id, "label": item.label, "kind": item.kind, "generator": item.generator, "source": item.source,
                "fold": item.fold, "view": view, "image": encoded.getvalue(),
            })  # fmt: skip
    partial = file.with_suffix(".part")
    if rows:
        table = arrow.Table.from_pylist(rows)
        with arrow.ipc.new_file(str(partial), table.schema) as writer:
            writer.write_table(table)
        partial.rename(file)  # only a whole part has its final name
    return len(rows), skipped


def open_upright(data: bytes) -> Image.Image:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of odd metadata in files that it reads well
        picture = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
        if picture.has_transparency_data:
            white = Image.new("RGBA", picture.size, "white")
            picture = Image.alpha_composite(white, picture.convert("RGBA"))
        return picture.convert("RGB")


def cut(picture: Image.Image, view: str, random: np.random.Generator) -> Iterator[Tile]:
    """Tiles of one stored picture. Packed crops and overviews are tiles already; the rest is cut."""
    if view == "crop":
        yield "native", picture
    elif view == "overview":
        yield "overview", picture
    elif min(picture.size) >= 64:
        for _ in range(NATIVE if min(picture.size) > 300 else 1):
            yield "native", crop(picture, random)
        for _ in range(SHRUNK if max(picture.size) > 640 else 0):
            target = np.exp(random.uniform(np.log(512), np.log(min(1280, max(picture.size)))))
            yield "native", crop(shrink(picture, target / max(picture.size), random), random)
        for _ in range(OVERVIEW):
            yield "overview", overview(picture, random)


def crop(picture: Image.Image, random: np.random.Generator) -> Image.Image:
    """The more textured of two random squares: a flat one teaches nothing."""
    width, height = min(TILE, picture.width), min(TILE, picture.height)
    found: list[tuple[float, Image.Image]] = []
    for _ in range(2):
        left = int(random.integers(0, picture.width - width + 1))
        top = int(random.integers(0, picture.height - height + 1))
        tile = picture.crop((left, top, left + width, top + height))
        grey = np.asarray(tile.convert("L"), np.int16)
        found.append((float(np.minimum(np.abs(np.diff(grey, axis=1)), 24).mean()), tile))
    return max(found, key=lambda pair: pair[0])[1]


def shrink(picture: Image.Image, scale: float, random: np.random.Generator) -> Image.Image:
    kernel = KERNELS[random.integers(len(KERNELS))]
    return picture.resize((max(64, round(picture.width * scale)), max(64, round(picture.height * scale))), kernel)


def overview(picture: Image.Image, random: np.random.Generator) -> Image.Image:
    """The whole picture, its short side at OVERVIEW_SIDE; of a very long one, a part twice as long as wide."""
    scale = OVERVIEW_SIDE / min(picture.size)
    whole = shrink(picture, scale, random)
    width, height = min(whole.width, 2 * OVERVIEW_SIDE), min(whole.height, 2 * OVERVIEW_SIDE)
    left = int(random.integers(0, whole.width - width + 1))
    top = int(random.integers(0, whole.height - height + 1))
    return whole.crop((left, top, left + width, top + height))


if __name__ == "__main__":
    main()
