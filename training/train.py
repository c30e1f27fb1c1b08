"""Train a detector from prepared tiles.

    python -m training.train --recipe chat --data data/prepared --out runs/chat
    python -m training.train --recipe retrain --data data/prepared --out runs/mine

Training goes on the fastest backend that is installed: torch when it is there (2 to 3 times JAX on a CPU), else JAX. Every EPOCH
steps the whole state is written to --out; the same command, run again after a kill, goes on from there. At the end, --out holds
`weights.npz` and `training.json`; training.evaluate then calibrates and measures, and training.promote decides.
"""

import argparse
import importlib.util
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.recipe import Recipe, read_recipe

if TYPE_CHECKING:
    import keras

    from training.batches import Batches
    from training.checkpoints import Checkpoint
    from training.pace import Pace
    from training.pixelbatches import PixelBatches

EPOCH = 250  # steps between two checkpoints
SETTLING = 100  # batches over which the averaged weights get statistics of their own
BAR = "{l_bar}{bar}| {elapsed}<{remaining}, {postfix}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--recipe", default="chat", help="a name in training/recipes, or a .toml file")
    parser.add_argument("--data", type=Path, required=True, help="folder that training.prepare wrote")
    parser.add_argument("--out", type=Path, required=True, help="folder for the run: checkpoints, weights, log")
    parser.add_argument("--start", help="a version to start from instead of the recipe's: `champion` or a folder")
    parser.add_argument("--steps", type=int, help="instead of the recipe's")
    parser.add_argument("--minutes", type=float, help="train for so long, instead of a number of steps")
    parser.add_argument("--fold", type=int, help="the fold to hold out, instead of the recipe's; -1 for none")
    arguments = parser.parse_args()
    recipe = read_recipe(
        arguments.recipe, steps=arguments.steps, minutes=arguments.minutes, fold=arguments.fold, start=arguments.start
    )
    choose_backend()
    train(recipe, arguments.data, arguments.out)


def choose_backend() -> None:
    """Must come before the first import of keras."""
    if "KERAS_BACKEND" not in os.environ:
        os.environ["KERAS_BACKEND"] = "torch" if importlib.util.find_spec("torch") else "jax"


def train(recipe: Recipe, data: Path, out: Path) -> None:
    """Run the recipe to its end, from the last checkpoint if there is one."""
    import keras

    from model.weights import save_weights
    from training.checkpoints import open_checkpoint
    from training.pace import Pace
    from training.start import build_network

    other = open_checkpoint(recipe.beside) if recipe.beside else None
    names = name_networks(recipe, other)
    out.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(recipe.seed)
    keras.config.set_dtype_policy("mixed_bfloat16" if recipe.precision == "bfloat16" else recipe.precision)
    pace = Pace(recipe, out / "pace.json")
    batches = open_batches(data, recipe, out, pace)
    print(f"{batches.describe()}; backend {keras.backend.backend()}, {recipe.precision}", flush=True)
    network = build_network(recipe, batches.embedding_width)
    compile_network(network, recipe)
    network.fit(
        batches,
        epochs=1_000_000,  # until the pace says that it is done
        verbose=0,
        callbacks=[
            keras.callbacks.BackupAndRestore(str(out / "checkpoint"), delete_checkpoint=False),
            keras.callbacks.CSVLogger(str(out / "log.csv"), append=True),
            follow(pace),
        ],
    )
    settle_normalisations(network, batches)
    save_weights(network, out / "weights.npz", other.folder / "weights.npz" if other else None)
    record = {
        **names,
        "recipe": recipe.as_dict(),
        "minutes": round(pace.minutes, 1),
        "steps": pace.steps,
        "tiles": batches.describe(),
    }
    (out / "training.json").write_text(json.dumps(record, indent=1))
    print(f"weights are in {out / 'weights.npz'}", flush=True)


def name_networks(recipe: Recipe, other: "Checkpoint | None") -> dict[str, Any]:
    """Of the version that the run makes: the recipe's, and the one for composition of `other`."""
    if other is None or not other.composition:
        return {"network": recipe.network}
    return {
        "network": recipe.network,
        "composition": other.composition,
        "composition_side": other.composition_side,
        "composed": other.record.get("composed"),
    }


def open_batches(data: Path, recipe: Recipe, out: Path, pace: "Pace") -> "Batches | PixelBatches":
    """Of tiles, or of small whole pictures, whichever training.prepare wrote."""
    from training.batches import Batches
    from training.pixelbatches import PixelBatches
    from training.pixels import is_prepared, open_pixels
    from training.tiles import open_tiles

    if is_prepared(data):
        return PixelBatches(open_pixels(data), recipe, EPOCH, pace)
    return Batches(open_tiles(data), recipe, EPOCH, out, pace)


def compile_network(network: "keras.Model", recipe: Recipe) -> None:
    import keras

    losses: dict[str, Any] = {
        "logit": keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=recipe.label_smoothing)
    }
    weights = {"logit": 1.0}
    if "embedding" in {layer.name for layer in network.layers}:
        losses["embedding"], weights["embedding"] = keras.losses.MeanSquaredError(), recipe.teacher_weight
    network.compile(build_optimizer(recipe), loss=losses, loss_weights=weights)


def build_optimizer(recipe: Recipe) -> "keras.optimizers.Optimizer":
    """AdamW (Loshchilov & Hutter 2019), or Muon. Raises SystemExit with a sentence for another.

    What it leaves in the network are weights averaged over steps, about 1 / (1 - average) of them."""
    from training.optimizers import AdamW, Muon

    common: dict[str, Any] = {
        "weight_decay": recipe.weight_decay,
        "global_clipnorm": recipe.clip,
        "use_ema": True,
        "ema_momentum": recipe.average,
    }
    if recipe.optimizer == "adamw":
        return AdamW(recipe.learning_rate, **common)
    if recipe.optimizer == "muon":
        return Muon(recipe.learning_rate, adam_weight_decay=None, adam_beta_2=0.99, **common)
    raise SystemExit(f"There is no optimizer {recipe.optimizer!r}: a recipe has adamw or muon.")


def settle_normalisations(network: "keras.Model", batches: "Batches | PixelBatches") -> None:
    """The weights are an average over steps; their normalisations' statistics belonged to the last step's weights. Measure them anew
    on training batches (Izmailov et al. 2018, "Averaging Weights Leads to Wider Optima", section 3.2)."""
    import keras

    if not any(getattr(layer, "normalised", False) for layer in network.layers):
        return
    batches.on_epoch_begin()
    for index in range(SETTLING):
        pixels = keras.ops.convert_to_tensor(batches[index][0])
        if keras.backend.backend() == "torch":
            import torch

            with torch.no_grad():
                network(pixels, training=True)
        else:
            network(pixels, training=True)


def follow(pace: "Pace") -> "keras.callbacks.Callback":
    """Sets the learning rate before each step, ends the run when it is done, and shows one bar over the whole of it."""
    import keras
    from tqdm import tqdm

    class Follow(keras.callbacks.Callback):
        def on_train_begin(self, logs: Any = None) -> None:
            self.bar = tqdm(total=100, unit="%", mininterval=10, initial=round(100 * pace.done), bar_format=BAR)
            if pace.done >= 1:
                self.model.stop_training = True

        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            self.model.optimizer.learning_rate = pace.rate

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            pace.steps += 1
            if batch % 20 == 0 and logs:
                losses = " ".join(f"{name} {float(value):.3f}" for name, value in logs.items())
                self.bar.set_postfix_str(f"step {pace.steps}, {losses}", refresh=False)
            self.bar.update(round(100 * pace.done) - self.bar.n)
            if pace.done >= 1:
                self.model.stop_training = True

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            pace.save()

        def on_train_end(self, logs: Any = None) -> None:
            self.bar.close()

    return Follow()


if __name__ == "__main__":
    main()
