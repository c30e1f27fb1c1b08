"""Batches for Keras of small whole pictures: each is drawn once in a pass, and a whole batch is augmented at a time."""

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.pace import Pace
from training.pixels import Pixels, Pixels8
from training.recipe import Recipe

os.environ.setdefault("KERAS_BACKEND", "jax")
import keras


class PixelBatches(keras.utils.PyDataset):
    """`epoch` batches an epoch. What a batch holds depends only on the seed and on its place since the run's first step, so that a
    resumed run goes on in the middle of a pass, as if it had not been stopped."""

    embedding_width = 0

    def __init__(self, pixels: Pixels, recipe: Recipe, epoch: int, pace: Pace) -> None:
        super().__init__(workers=1, use_multiprocessing=False, max_queue_size=12)
        self.pixels, self.recipe, self.steps, self.before, self.epoch = pixels, recipe, epoch, pace.steps, 0
        self.rows = np.flatnonzero(pixels.part != recipe.fold)

    def describe(self) -> str:
        held = len(self.pixels) - len(self.rows)
        return f"{len(self.rows)} pictures of {self.pixels.side}x{self.pixels.side} to train on, {held} held out"

    def __len__(self) -> int:
        return self.steps

    def on_epoch_begin(self) -> None:
        self.epoch += 1

    def __getitem__(self, index: int) -> tuple[Pixels8, dict[str, NDArray[np.float32]]]:
        step = self.before + max(self.epoch - 1, 0) * self.steps + index
        chosen = self.drawn(step)
        random = np.random.default_rng((self.recipe.seed, step))
        pictures = augment(self.pixels.pixels[chosen], self.recipe.mirror, self.recipe.shift, random)
        return pictures, {"logit": self.pixels.label[chosen].astype(np.float32)[:, None]}

    def drawn(self, step: int) -> NDArray[Any]:
        """The rows of a step's batch, in rising order. What is left of a pass that no batch fits into is left out."""
        passes, place = divmod(step, len(self.rows) // self.recipe.batch)
        order = np.random.default_rng((self.recipe.seed, passes, 1)).permutation(self.rows)
        return np.sort(order[place * self.recipe.batch : (place + 1) * self.recipe.batch])


def augment(pictures: Pixels8, mirror: bool, shift: int, random: np.random.Generator) -> Pixels8:
    """Mirror every other picture, and move each by up to `shift` pixels; what moves in is a reflection. Colours stay as they are, and
    nothing is resized or encoded again: at this size that would wipe the traces out."""
    n, side = len(pictures), pictures.shape[1]
    if mirror:
        pictures = np.where(random.random(n)[:, None, None, None] < 0.5, pictures[:, :, ::-1], pictures)
    if shift:
        padded = np.pad(pictures, ((0, 0), (shift, shift), (shift, shift), (0, 0)), mode="reflect")
        windows = np.lib.stride_tricks.sliding_window_view(padded, (side, side), axis=(1, 2))
        down, across = random.integers(0, 2 * shift + 1, (2, n))
        pictures = windows[np.arange(n), down, across].transpose(0, 2, 3, 1)
    return np.ascontiguousarray(pictures)
