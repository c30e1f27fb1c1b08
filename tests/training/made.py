"""Made-up labelled pictures: AI ones are redder, real ones greener, so that the smallest network tells them apart."""

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.dataset import fold_of
from training.scores import Scores

LABELS = ("real", "ai")


def picture(label: int, seed: int, width: int = 200, height: int = 160) -> Image.Image:
    """Soft blobs with some grain, tinted by the label."""
    random = np.random.default_rng((label, seed))
    coarse = Image.fromarray(random.integers(40, 180, (9, 9, 3), dtype=np.uint8)).resize((width, height))
    pixels = np.asarray(coarse).astype(np.int16) + random.integers(-12, 13, (height, width, 3))
    pixels[..., 0 if label else 1] += int(random.integers(10, 75))
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def encoded(image: Image.Image, format: str = "PNG") -> bytes:
    out = io.BytesIO()
    image.save(out, format)
    return out.getvalue()


def source_in(fold: int, label: int, number: int) -> str:
    """The name of a source that falls into this fold."""
    found = (f"{LABELS[label]}-{number}-{trial}" for trial in range(1000))
    return next(name for name in found if fold_of(name) == fold)


def data_set(folder: Path, pictures: int = 3, held_out: int = 12) -> Path:
    """Two sources of each label in each fold, with so many pictures each; more in fold 0."""
    for label, name in enumerate(LABELS):
        for fold in range(5):
            for number in range(2):
                source = folder / name / source_in(fold, label, number)
                source.mkdir(parents=True)
                for index in range(pictures if fold else held_out):
                    seed = fold * 1000 + number * 100 + index
                    made = picture(label, seed, 150 + 10 * index, 160)
                    (source / f"{index}.jpg").write_bytes(encoded(made, "JPEG"))
    return folder


def scores(
    logits: NDArray[np.float64], label: NDArray[np.int8], source: NDArray[np.str_], kind: NDArray[np.str_] | None = None
) -> Scores:
    """Two tiers, one overview and one native view of a picture; `logits` is (n,) or (n, 2 tiers)."""
    by_tier = np.stack([logits, logits], axis=1) if logits.ndim == 1 else logits
    views = np.repeat(by_tier[:, :, None], 2, axis=2).astype(np.float32)
    kinds = np.broadcast_to(np.array([1, 2], np.int8), views.shape).copy()
    plain = np.where(label == 1, "ai", "photo")
    return Scores(
        id=np.array([str(number) for number in range(len(label))]),
        label=label,
        kind=plain if kind is None else kind,
        generator=np.where(label == 1, "made", ""),
        source=source,
        complete=np.ones(len(label), bool),
        tiers=("clean", "telegram"),
        logits=views,
        kinds=kinds,
    )


def made_scores(sources: int = 10, each: int = 30, apart: float = 2.0, seed: int = 0) -> Scores:
    """Logits of two normal distributions `apart`, with `sources` sources of each label, each a little off."""
    random = np.random.default_rng(seed)
    label = np.repeat(np.array([0, 1], np.int8), sources * each)
    source = np.array([f"s{number // each}" for number in range(len(label))])
    shift = random.normal(0, 0.3, 2 * sources)
    clean = random.normal(0, 1, len(label)) + apart * (label - 0.5) + shift[np.arange(len(label)) // each]
    return scores(np.stack([clean, clean + random.normal(0, 0.2, len(label))], axis=1), label, source)
