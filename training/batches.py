"""Batches for Keras: tiles drawn by weight, augmented in threads, with the teacher's features where there are any."""

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.augment import augment
from training.pace import Pace
from training.recipe import Recipe
from training.teaching import Lesson, prepare_lesson
from training.tiles import Tiles, draw_weights

os.environ.setdefault("KERAS_BACKEND", "jax")
import keras


class Batches(keras.utils.PyDataset):
    """`epoch` batches an epoch. Which tiles a batch holds depends only on the seed, the steps before this run, the epoch and its
    place: a run can be repeated, and a resumed one draws new samples. How large they are depends on the `pace`."""

    def __init__(self, tiles: Tiles, recipe: Recipe, epoch: int, run: Path, pace: Pace) -> None:
        super().__init__(workers=2, use_multiprocessing=False, max_queue_size=12)
        self.tiles, self.recipe, self.steps, self.pace = tiles, recipe, epoch, pace
        self.before, self.epoch = pace.steps, 0
        self.rows = np.flatnonzero(tiles.fold != recipe.fold)
        self.weights = draw_weights(tiles, self.rows)
        self.lesson: Lesson | None = None
        if recipe.teacher_width and tiles.teacher is not None:
            self.lesson = prepare_lesson(tiles, self.rows, recipe.teacher_width, run / "teacher.npz")

    @property
    def embedding_width(self) -> int:
        return self.lesson.targets.shape[1] if self.lesson else 0

    def describe(self) -> str:
        pictures = len(np.unique(self.tiles.id[self.rows]))
        taught = 0 if self.lesson is None else int(self.lesson.known.sum())
        return f"{len(self.rows)} to train on from {pictures} pictures, {taught} with a teacher's features"

    def __len__(self) -> int:
        return self.steps

    def on_epoch_begin(self) -> None:
        self.epoch += 1

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        random = np.random.default_rng((self.recipe.seed, self.before, self.epoch, index))
        drawn = random.choice(len(self.rows), self.recipe.batch, p=self.weights)
        side = self.pace.side
        samples = [self.sample(int(self.rows[place]), side, random) for place in drawn]
        labels: NDArray[np.float32] = self.tiles.label[self.rows[drawn]].astype(np.float32)[:, None]
        if self.lesson is None:
            return np.stack(samples), {"logit": labels}
        known = self.lesson.known[drawn].astype(np.float32)
        targets = {"logit": labels, "embedding": self.lesson.targets[drawn]}
        return np.stack(samples), targets, {"logit": np.ones_like(known), "embedding": known}

    def sample(self, row: int, side: int, random: np.random.Generator) -> NDArray[np.uint8]:
        return augment(self.tiles.picture(row), str(self.tiles.view[row]), side, random)
