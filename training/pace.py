"""How far a run has come, and the learning rate and the size of samples there: by steps, or by minutes where the recipe names them.

A machine that is shared does not say beforehand how many steps an hour holds; a rate that follows the clock ends where it should.
"""

import json
import math
import time
from pathlib import Path
from typing import Any

from training.recipe import Recipe

FINAL = 0.01  # of the peak


class Pace:
    """`done` is 0..1. `file` keeps the minutes of earlier runs of the same training."""

    def __init__(self, recipe: Recipe, file: Path) -> None:
        self.recipe, self.file = recipe, file
        state: dict[str, Any] = json.loads(file.read_text()) if file.is_file() else {"minutes": 0.0, "steps": 0}
        self.steps, self._before, self._began = int(state["steps"]), float(state["minutes"]), time.monotonic()

    @property
    def minutes(self) -> float:
        return self._before + (time.monotonic() - self._began) / 60

    @property
    def done(self) -> float:
        share = self.minutes / self.recipe.minutes if self.recipe.minutes else self.steps / self.recipe.steps
        return min(1.0, share)

    @property
    def rate(self) -> float:
        """A linear warm-up over the first steps, then half a cosine down to a hundredth of the peak."""
        warm = min(1.0, (self.steps + 1) / self.recipe.warmup) if self.recipe.warmup else 1.0
        falling = FINAL + (1 - FINAL) * 0.5 * (1 + math.cos(math.pi * self.done))
        return self.recipe.learning_rate * warm * falling

    @property
    def side(self) -> int:
        """Pixels of a sample: small ones first, as the first features are learnt as well from them (Howard 2018, progressive resizing)."""
        small = self.recipe.small_side and self.done < self.recipe.small_share
        return self.recipe.small_side if small else self.recipe.side

    def save(self) -> None:
        self.file.write_text(json.dumps({"minutes": self.minutes, "steps": self.steps}))
