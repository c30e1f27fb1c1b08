"""The teacher's features made into targets: their principal components, and how AI-like a linear probe on them finds the tile.

The probe's score of a tile comes from a probe that was not trained on the tile's fold, so it is what the teacher can tell
about sources that it never saw, and doubtful where the teacher is in doubt.
"""

from dataclasses import dataclass

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


def prepare_lesson(tiles: Tiles, rows: NDArray[np.int64], width: int) -> Lesson:
    """Tiles that the teacher did not look at have `known` False, except that all overviews of a picture share one target."""
    assert tiles.teacher is not None
    features = tiles.teacher[rows].astype(np.float32)
    known = ~np.isnan(features[:, 0])
    features, known = share_among_overviews(tiles, rows, features, known)
    seen = features[known]
    mean, deviation = seen.mean(0), seen.std(0) + 1e-6
    seen = (seen - mean) / deviation
    _, spread, axes = np.linalg.svd(seen.T @ seen / len(seen))
    components = seen @ axes[:width].T
    components /= np.sqrt(components.std(0))  # half-way to white: the large ones lead, the small ones still count
    components /= components.std()
    score = probe_scores(seen, tiles, rows[known])
    targets = np.zeros((len(rows), width + 1), np.float32)
    targets[known] = np.concatenate([components, SCORE_SCALE * score[:, None]], axis=1)
    return Lesson(targets, known)


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
