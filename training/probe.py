"""Look for shortcuts: can the label be told from how a training sample was stored and encoded, without seeing what it
shows?

    python -m training.probe --recipe chat --data data/prepared

Samples are drawn and augmented exactly as in training. A logistic regression, cross-validated over whole sources,
sees only the estimated JPEG grid and quantisation steps, the kind of view, and by how much the tile was too small. It
must stay at an AUROC of at most 0.55, with which the command ends well; else it ends with status 1. For information,
the same for two things that do not decide: the colour detail left (encoders take it, but generators differ in it
too), and size and shape of the stored tile (which augmentation is there to hide).
"""

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.calibration import logistic_regression, sigmoid
from training import metrics
from training.augment import MARGIN, augment
from training.quality import colour, quality
from training.recipe import Recipe, read_recipe
from training.tiles import Tiles, draw_weights, open_tiles

BAR = 0.55
PARTS = 5
RIDGE = 10.0
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Samples:
    """Features of n drawn samples: `encoded` and `colours` of what enters the network, `stored` of the tile."""

    encoded: Floats
    colours: Floats
    stored: Floats
    label: NDArray[np.int8]
    source: NDArray[np.str_]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--recipe", default="chat", help="a name in training/recipes, or a .toml file")
    parser.add_argument("--data", type=Path, required=True, help="folder that training.prepare wrote")
    parser.add_argument("--samples", type=int, default=4000)
    arguments = parser.parse_args()
    recipe = read_recipe(arguments.recipe)
    samples = draw(open_tiles(arguments.data), recipe, arguments.samples)
    value, low, high = tell(
        "what entered the network: encoder's grid and steps, view, enlargement", samples.encoded, samples
    )
    tell("for information, colour detail", samples.colours, samples)
    tell("for information, size and shape of the stored tile", samples.stored, samples)
    if value > BAR:
        print(f"There is a shortcut: {value:.3f} [{low:.3f} {high:.3f}] is above {BAR}.")
        sys.exit(1)
    print(f"No shortcut found: {value:.3f} is at most {BAR}.")


def tell(name: str, features: Floats, samples: Samples) -> tuple[float, float, float]:
    value, low, high = probe(features, samples.label, samples.source)
    print(f"AUROC {value:.3f} [{low:.3f} {high:.3f}]  {name}")
    return value, low, high


def draw(tiles: Tiles, recipe: Recipe, count: int) -> Samples:
    """As training.batches does it."""
    from tqdm import tqdm

    rows = np.flatnonzero(tiles.fold != recipe.fold)
    random = np.random.default_rng(recipe.seed)
    drawn = rows[random.choice(len(rows), count, p=draw_weights(tiles, rows))]

    def look(job: tuple[int, int]) -> tuple[Floats, Floats, Floats]:
        number, row = job
        tile = tiles.picture(row)
        view = str(tiles.view[row])
        sample = augment(tile, view, recipe.side, np.random.default_rng((recipe.seed, number)))
        shortest, edge = min(tile.size), recipe.side + MARGIN
        encoded = np.append(quality(sample), [float(view == "native"), min(0.0, np.log(shortest / edge))])
        stored = np.array(
            [np.log(tile.width), np.log(tile.height), abs(np.log(tile.width / tile.height)), np.log(shortest)]
        )
        return encoded, colour(sample), stored

    with ThreadPoolExecutor(2) as pool:
        found = list(tqdm(pool.map(look, enumerate(drawn.tolist())), total=count, unit="sample"))
    encoded, colours, stored = (np.stack(part) for part in zip(*found, strict=True))
    source = np.array([group.split("/")[0] for group in tiles.group[drawn].tolist()])
    return Samples(encoded, colours, stored, tiles.label[drawn], source)


def probe(features: Floats, labels: NDArray[np.int8], sources: NDArray[np.str_]) -> tuple[float, float, float]:
    """AUROC of a logistic regression on the features and their squares, each source told by what others taught, with
    its interval over sources."""
    x = (features - features.mean(axis=0)) / (features.std(axis=0) + 1e-9)
    x = np.concatenate([x, x**2 - 1, np.ones((len(x), 1))], axis=1)
    part = part_of(sources)
    p = np.zeros(len(x))
    for number in range(PARTS):
        train, apply = part != number, part == number
        if apply.any():
            weights = np.where(labels == 1, 0.5 / np.mean(labels[train]), 0.5 / np.mean(1 - labels[train]))
            p[apply] = sigmoid(x[apply] @ logistic_regression(x[train], labels[train], weights[train], RIDGE))
    low, high = metrics.interval(metrics.bootstrap(lambda w: metrics.auroc(p, labels, w), sources, labels, 300))
    return metrics.auroc(p, labels), low, high


def part_of(sources: NDArray[np.str_]) -> NDArray[np.int64]:
    """Whole sources in PARTS parts of about one size."""
    names, member, sizes = np.unique(sources, return_inverse=True, return_counts=True)
    filled = np.zeros(PARTS)
    part = np.zeros(len(names), np.int64)
    for place in np.argsort(-sizes, kind="stable"):
        part[place] = filled.argmin()
        filled[part[place]] += sizes[place]
    return np.asarray(part[member])


if __name__ == "__main__":
    main()
