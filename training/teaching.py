"""The teacher's features made into targets: their principal components, and how AI-like a linear probe on them finds the tile.

The probe's score of a tile comes from a probe that was not trained on the tile's fold, so it is what the teacher can tell
about sources that it never saw, and doubtful where the teacher is in doubt.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.tiles import Tiles, draw_weights

SCORE_SCALE = 4.0  # the probe's score counts as much as this many squared components
RIDGE = 300.0


@dataclass(frozen=True)
class Lesson:
    """For each training row: `targets` float32 (rows, width + 1) of about unit variance, and whether they are `known`."""

    targets: NDArray[np.float32]
    known: NDArray[np.bool_]


@dataclass(frozen=True)
class Basis:
    """How features become components: (features - mean) / deviation @ axes / scale. Kept with a run, so that a resumed one goes on
    with the same targets although the teacher has looked at more tiles meanwhile."""

    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]
    axes: NDArray[np.float32]  # (768, width)
    scale: NDArray[np.float32]


def prepare_lesson(tiles: Tiles, rows: NDArray[np.int64], width: int, kept: Path) -> Lesson:
    """Tiles that the teacher did not look at have `known` False, except that all overviews of a picture share one target.

    `kept` is the file of the run's Basis; it is written when it is not there.
    """
    assert tiles.teacher is not None
    features = tiles.teacher[rows].astype(np.float32)
    known = ~np.isnan(features[:, 0])
    features, known = share_among_overviews(tiles, rows, features, known)
    basis = read_basis(kept) if kept.is_file() else write_basis(kept, find_basis(features[known], width))
    seen = (features[known] - basis.mean) / basis.deviation
    components = seen @ basis.axes / basis.scale
    score = probe_scores(seen, tiles, rows[known])
    targets = np.zeros((len(rows), width + 1), np.float32)
    targets[known] = np.concatenate([components, SCORE_SCALE * score[:, None]], axis=1)
    return Lesson(targets, known)


def find_basis(features: NDArray[np.float32], width: int) -> Basis:
    """Principal components, made half-way to white: the large ones lead, the small ones still count; unit variance in all."""
    mean, deviation = features.mean(0), features.std(0) + 1e-6
    seen = (features - mean) / deviation
    _, _, rows = np.linalg.svd(seen.T @ seen / len(seen))
    axes = rows[:width].T
    scale = np.sqrt((seen @ axes).std(0))
    scale = scale * (seen @ axes / scale).std()
    return Basis(mean, deviation, axes, scale)


def write_basis(file: Path, basis: Basis) -> Basis:
    np.savez(file, mean=basis.mean, deviation=basis.deviation, axes=basis.axes, scale=basis.scale)
    return basis


def read_basis(file: Path) -> Basis:
    with np.load(file) as kept:
        return Basis(kept["mean"], kept["deviation"], kept["axes"], kept["scale"])


def share_among_overviews(
    tiles: Tiles, rows: NDArray[np.int64], features: NDArray[np.float32], known: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Two overviews of one picture differ by a resampling kernel only; the teacher looked at one of them."""
    features, known = features.copy(), known.copy()
    overview = tiles.view[rows] == "overview"
    first = {str(tiles.id[rows[place]]): place for place in np.flatnonzero(known & overview)}
    for place in np.flatnonzero(overview & ~known):
        source = first.get(str(tiles.id[rows[place]]))
        if source is not None:
            features[place], known[place] = features[source], True
    return features, known


def probe_scores(features: NDArray[np.float32], tiles: Tiles, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Ridge regression on the labels, cross-fitted over folds; standardised."""
    weights = draw_weights(tiles, rows) * len(rows)
    signs = tiles.label[rows] * 2.0 - 1.0
    scores = np.zeros(len(rows), np.float32)
    for fold in np.unique(tiles.fold[rows]):
        train, apply = tiles.fold[rows] != fold, tiles.fold[rows] == fold
        if not train.any():
            train = apply
        x, w = features[train], weights[train]
        solution = np.linalg.solve((x.T * w) @ x + RIDGE * np.eye(x.shape[1]), (x.T * w) @ signs[train])
        scores[apply] = features[apply] @ solution
    scores -= scores.mean()
    result: NDArray[np.float32] = scores / (scores.std() + 1e-6)
    return result
