"""Fit the network for composition: the first blocks of CLIP's encoder as they are, and a linear head on what they see.

    python -m training.compose --data data/prepared --out runs/mine                                   # from the champion
    python -m training.compose --data data/prepared --out runs/mine --clip clip_encoder.int8.onnx     # from CLIP itself

The other network comes from --beside, the champion by default, and so does the fold that is held out. Overviews are drawn as
training.train draws them. What the encoder makes of them is kept in --out, so a run that was broken off goes on where it was. The
head is a ridge regression on the label, its ridge chosen by leaving out each of the other folds in turn. From a version that has a
head already, the ridge pulls towards that one instead of towards none: what a few new pictures can't tell stays as it was.
"""

import argparse
import hashlib
import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.weights import COMPOSITION, head, write
from training.augment import augment_whole
from training.checkpoints import Checkpoint, open_checkpoint
from training.metrics import auroc
from training.tiles import Tiles, draw_weights, open_tiles
from training.train import choose_backend

Floats = NDArray[np.float64]
Arrays = dict[str, NDArray[Any]]

NETWORK = "clip_vit"
SAMPLES = 26_000
SEED = 7
BATCH = 8
CHUNK = 1_000  # samples between two writes to disk
LARGE = 3000.0  # the ridge where there is no second fold to choose it by
RIDGES = (30.0, 100.0, 300.0, 1000.0, 3000.0, 10_000.0)


@dataclass(frozen=True)
class Samples:
    """`rows` of the tiles, as often as they were drawn; `label` and `fold` of each."""

    tiles: Tiles
    rows: NDArray[np.int64]

    @property
    def label(self) -> NDArray[np.int8]:
        return self.tiles.label[self.rows]

    @property
    def fold(self) -> NDArray[np.int8]:
        return self.tiles.fold[self.rows]

    def sources(self) -> dict[str, int]:
        """How many pictures of each source there are among them."""
        rows = self.rows[np.unique(self.tiles.id[self.rows], return_index=True)[1]]
        names = [group.rsplit("/", 1)[0] for group in self.tiles.group[rows].tolist()]
        return dict(sorted(Counter(names).items()))

    def pixels(self, number: int, side: int) -> NDArray[np.uint8]:
        """One of them, augmented: the same each time."""
        tile = self.tiles.picture(int(self.rows[number]))
        return augment_whole(tile, side, np.random.default_rng((SEED, number)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True, help="folder that training.prepare wrote")
    parser.add_argument("--out", type=Path, required=True, help="folder for the new version")
    parser.add_argument("--beside", default="champion", help="the version whose other network goes with it")
    parser.add_argument("--clip", type=Path, help="ONNX file of CLIP's image encoder, instead of that version's own")
    parser.add_argument("--samples", type=int, default=SAMPLES, help="how many to draw (%(default)s)")
    parser.add_argument("--fold", type=int, help="the fold to hold out, instead of that version's; -1 for none")
    arguments = parser.parse_args()
    choose_backend()
    compose(arguments.data, arguments.out, arguments.beside, arguments.clip, arguments.samples, arguments.fold)


def compose(
    data: Path, out: Path, beside: str, clip: Path | None, samples: int = SAMPLES, fold: int | None = None
) -> None:
    """Write a version to `out`. Raises SystemExit with a sentence where a file is missing or a version lacks its part."""
    from model.transformer import SIDE

    began = time.monotonic()
    other = open_checkpoint(beside)
    if other.folder.resolve() == out.resolve():
        raise SystemExit(f"{out} is the version to start from: give the new one a folder of its own.")
    held_out = other.fold if fold is None else fold
    if held_out != other.fold:
        print(f"{other.name} held out fold {other.fold}, not {held_out}: measure on pictures that neither has learnt.")
    arrays, before = start(other, clip)
    drawn = draw(open_tiles(data), held_out, samples)
    out.mkdir(parents=True, exist_ok=True)
    write({**arrays, **flat_head()}, out / "weights.npz")
    features = see(drawn, out)
    kernel, bias, found = fit(features, drawn, before)
    logit = head({"kernel": kernel, "bias": bias})
    write({**arrays, **{f"{COMPOSITION}/logit/{name}": value for name, value in logit.items()}}, out / "weights.npz")
    record = {
        "network": other.network,
        "composition": NETWORK,
        "composition_side": SIDE,
        "recipe": {**other.record.get("recipe", {}), "side": other.side, "network": other.network, "fold": held_out},
        "composed": {"samples": len(drawn.rows), **found, "pictures_by_source": drawn.sources()},
        "command": f"python -m training.compose --beside {other.name} --samples {len(drawn.rows)}"
        + (f" --clip {clip.name}" if clip else ""),
        "minutes": round((time.monotonic() - began) / 60, 1),
    }
    (out / "training.json").write_text(json.dumps(record, indent=1))
    print(f"weights are in {out / 'weights.npz'}", flush=True)


def start(other: Checkpoint, clip: Path | None) -> tuple[Arrays, Floats | None]:
    """Everything but the head: the other network as it is, and the encoder. And the kernel of the head that there was, if any."""
    with np.load(other.folder / "weights.npz", allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    ours = [name for name in arrays if name.startswith(f"{COMPOSITION}/")]
    if clip is None and not ours:
        raise SystemExit(f"{other.name} has no network for composition: name the file of CLIP's encoder with --clip.")
    if clip is not None:
        from training.clip import clip_arrays

        arrays = {name: value for name, value in arrays.items() if name not in ours} | clip_arrays(clip)
    before = arrays.pop(f"{COMPOSITION}/logit/kernel", None)
    arrays.pop(f"{COMPOSITION}/logit/bias", None)
    return arrays, None if before is None else before[:, 0].astype(np.float64)


def flat_head() -> Arrays:
    from model.transformer import WIDTH

    zeros = head({"kernel": np.zeros((WIDTH, 1), np.float32), "bias": np.zeros(1, np.float32)})
    return {f"{COMPOSITION}/logit/{name}": value for name, value in zeros.items()}


def draw(tiles: Tiles, held_out: int, count: int) -> Samples:
    """Raises SystemExit with a sentence when one label is missing."""
    rows = np.flatnonzero((tiles.fold != held_out) & (tiles.view == "overview"))
    if len(np.unique(tiles.label[rows])) < 2:
        raise SystemExit("There are overviews of one label only to learn from: prepare both real and AI pictures.")
    weights = draw_weights(tiles, rows)
    return Samples(tiles, rows[np.random.default_rng(SEED).choice(len(rows), count, p=weights / weights.sum())])


def digest(weights: Path) -> str:
    """Of the encoder, without the head: another one sees something else."""
    found = hashlib.sha256()
    with np.load(weights, allow_pickle=False) as stored:
        for name in sorted(stored.files):
            if name.startswith(f"{COMPOSITION}/") and not name.startswith(f"{COMPOSITION}/logit/"):
                found.update(name.encode() + stored[name].tobytes())
    return found.hexdigest()


def see(samples: Samples, out: Path) -> NDArray[np.float32]:
    """The mean features of each sample, (n, width), by the encoder in `out`; from the files there as far as they go."""
    from tqdm import tqdm

    chunks: list[NDArray[np.float32]] = []
    encoder, forward = digest(out / "weights.npz"), None
    for first in tqdm(range(0, len(samples.rows), CHUNK), desc="seen", unit="thousand"):
        file = out / f"seen-{first:06d}.npz"
        rows = samples.rows[first : first + CHUNK]
        these = {"rows": rows, "id": samples.tiles.id[rows], "encoder": np.array(encoder)}
        if not matches(file, these):
            forward = forward or build_features(out / "weights.npz")
            found = np.concatenate(list(features_of(forward, samples, range(first, first + len(rows)))))
            write({**these, "features": found}, file)
        with np.load(file, allow_pickle=False) as kept:
            chunks.append(kept["features"])
    return np.concatenate(chunks)


def matches(file: Path, these: Arrays) -> bool:
    """Whether it holds what this encoder saw of these very samples: the tiles may have become others since."""
    if not file.is_file():
        return False
    with np.load(file, allow_pickle=False) as kept:
        return all(name in kept and np.array_equal(kept[name], value) for name, value in these.items())


def features_of(forward: Any, samples: Samples, numbers: range) -> Iterator[NDArray[np.float32]]:
    from model.transformer import SIDE

    for first in range(numbers.start, numbers.stop, BATCH):
        some = range(first, min(first + BATCH, numbers.stop))
        pixels = np.stack([samples.pixels(number, SIDE) for number in some]).astype(np.float32)
        yield np.asarray(forward.predict_on_batch(pixels), np.float32)


def build_features(weights: Path) -> Any:
    """The encoder as it is stored, up to the head. On torch its products are in bfloat16, which is twice as fast."""
    import keras

    from model.transformer import SIDE, clip_vit
    from model.weights import load_weights

    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16" if keras.backend.backend() == "torch" else "float32")
    network = clip_vit(SIDE)
    keras.config.set_dtype_policy(policy)
    load_weights(network, weights)
    return keras.Model(network.input, network.get_layer("features").output)


def fit(
    features: NDArray[np.float32], samples: Samples, before: Floats | None = None
) -> tuple[NDArray[np.float32], NDArray[np.float32], dict[str, Any]]:
    """Kernel (width, 1) and bias (1,) of the head, and how the ridge was chosen: by the mean AUROC on each fold left out. The ridge pulls
    towards the kernel `before`, (width,), if there was one."""
    mean, deviation = features.mean(0, dtype=np.float64), features.std(0, dtype=np.float64) + 1e-6
    x = np.concatenate([(features - mean) / deviation, np.ones((len(features), 1))], axis=1)
    sign = samples.label * 2.0 - 1
    pull = np.zeros(x.shape[1])
    if before is not None:
        pull[:-1] = before * deviation
    parts = [samples.fold == fold for fold in np.unique(samples.fold)]
    squares = [x[part].T @ x[part] for part in parts]
    products = [x[part].T @ sign[part] for part in parts]
    found: dict[float, float] = {}
    for ridge in RIDGES:
        areas = [
            auroc(x[part] @ solve(sum(squares) - square, sum(products) - product, ridge, pull), samples.label[part])
            for part, square, product in zip(parts, squares, products, strict=True)
            if len(parts) > 1 and len(np.unique(samples.label[part])) == 2
        ]
        if areas:
            found[ridge] = float(np.mean(areas))
    best = max(found, key=lambda ridge: found[ridge]) if found else LARGE
    solution = solve(sum(squares), sum(products), best, pull)
    kernel = solution[:-1] / deviation
    chosen = {"ridge": best, "auroc_by_ridge": {f"{ridge:g}": round(value, 4) for ridge, value in found.items()}}
    print(f"ridge {best:g}; mean AUROC on folds left out: {chosen['auroc_by_ridge']}", flush=True)
    return kernel[:, None].astype(np.float32), np.array([solution[-1] - kernel @ mean], np.float32), chosen


def solve(squares: Any, products: Any, ridge: float, pull: Floats) -> Floats:
    """Least squares with a ridge towards `pull` on all but the constant, which is last."""
    penalty = np.full(len(squares), ridge)
    penalty[-1] = 1e-6
    return np.asarray(np.linalg.solve(squares + np.diag(penalty), products + penalty * pull))


if __name__ == "__main__":
    main()
