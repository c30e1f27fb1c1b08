"""What an admin's commands make of pictures: prepare, train, evaluate and promote, in one process to save its start."""

import asyncio
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

RECIPE = """
network = "tiny"
start = "scratch"
side = 32
batch = 8
steps = 90
learning_rate = 0.02
warmup = 5
average = 0.9
dropout = 0.0
"""
_SCRIPT = """
import importlib, json, sys
for module, *arguments in json.loads(sys.argv[1]):
    sys.argv = [module, *arguments]
    importlib.import_module(f"training.{module}").main()
"""

Command = Sequence[object]


@dataclass(frozen=True)
class Desk:
    """Where an admin works. Its folder keeps the recipe, and what is costly to compute again."""

    folder: Path

    @property
    def recipe(self) -> Path:
        file = self.folder / "quick.toml"
        file.write_text(RECIPE)
        return file

    @property
    def scores(self) -> Path:
        return self.folder / "scores"

    def run(self, *commands: Command) -> subprocess.CompletedProcess[str]:
        """Each as `python -m training.<first> <rest>`, one after the other until one fails."""
        compiled = {  # compiling is most of what so small a network costs: little optimised, and once for all
            "XLA_FLAGS": "--xla_backend_optimization_level=0",
            "JAX_COMPILATION_CACHE_DIR": str(self.folder / "compiled"),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        }
        environ = {**os.environ, "KERAS_BACKEND": "jax", "CUDA_VISIBLE_DEVICES": "", **compiled}
        words = json.dumps([[str(word) for word in command] for command in commands])
        process = [sys.executable, "-c", _SCRIPT, words]
        return subprocess.run(process, env=environ, capture_output=True, text=True, timeout=600)

    async def run_beside(self, *commands: Command) -> subprocess.CompletedProcess[str]:
        """The same while a bot runs in this process."""
        return await asyncio.to_thread(self.run, *commands)


def turned_round(version: Path, into: Path) -> Path:
    """A version with the numbers of `version` that says the opposite: real pictures are AI to it."""
    into.mkdir(parents=True)
    with np.load(version / "weights.npz") as stored:
        arrays = dict(stored)
    arrays["logit/kernel"], arrays["logit/bias"] = -arrays["logit/kernel"], -arrays["logit/bias"]
    np.savez(into / "weights.npz", **arrays)
    card = json.loads((version / "card.json").read_text())
    card["calibration"]["bias"] *= -1
    digest = hashlib.sha256((into / "weights.npz").read_bytes()).hexdigest()
    (into / "card.json").write_text(json.dumps({**card, "version": into.name, "sha256": digest}))
    shutil.copy(version / "training.json", into)
    return into
