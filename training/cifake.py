"""Measure a network for small pictures beside a baseline, on the same pictures: CIFAKE's official test (Bird & Lotfi 2024).

    python -m training.cifake --prepared data/cifake --version runs/cifake --baseline runs/cifake-paper
    python -m training.cifake --prepared data/cifake --version runs/cifake --baseline runs/cifake-paper \
        --data cifake-test.parquet --json cifake.json

Without --data the pictures are those that training held out, to choose by; the test is for the figure that is published. A test
picture with the same pixels as one of the training set is a twin; all figures are given with and without twins. A picture is called
AI from a probability of 0.5 on. A version whose recipe mirrors and moves pictures answers with the mean logit of the picture and what it
learnt from beside it: moved by a pixel each way, and mirrored. The figure for the picture alone stands beside it.
"""

import argparse
import datetime
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.cards import hardware, save
from training.checkpoints import open_checkpoint
from training.metrics import Floats, Mask, auroc, bootstrap, f1, f1_interval, interval, mcnemar, share_of
from training.pixels import Pixels, Pixels8, open_pixels, read_pixels
from training.train import choose_backend

BATCH = 250
RESAMPLES = 300  # of AUROC, which has to sort each time


@dataclass(frozen=True)
class Answers:
    """What one version says: logits of the pictures alone, and the mean over what `looks` shows of each."""

    name: str
    logits: Floats
    plain: Floats
    facts: dict[str, Any]

    @property
    def called(self) -> Mask:
        return self.logits >= 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--prepared", type=Path, required=True, help="what training.prepare --whole wrote, to find twins in"
    )
    parser.add_argument("--data", type=Path, nargs="+", help="the test: a parquet file, or a folder with real/ and ai/")
    parser.add_argument("--version", required=True, help="the run of training to measure")
    parser.add_argument("--baseline", help="another run, on the same pictures")
    parser.add_argument("--json", type=Path, help="write all figures here")
    arguments = parser.parse_args()
    choose_backend()
    known = open_pixels(arguments.prepared)
    versions = [arguments.version] + ([arguments.baseline] if arguments.baseline else [])
    if arguments.data:
        test = read_pixels(arguments.data, known.side)
    else:
        test = known.only(known.part == open_checkpoint(arguments.version).fold)
    twins = np.isin(test.digest, known.digest) if arguments.data else np.zeros(len(test), bool)
    report = compare([ask(version, test) for version in versions], test, twins)
    report["data"] = [path.name for path in arguments.data] if arguments.data else "held out of training"
    show(report)
    if arguments.json:
        save(arguments.json, report, exact=True)  # rounded, the p would be 0


def ask(version: str, test: Pixels) -> Answers:
    """Run a version over all pictures, on whatever backend is there, in float32."""
    from model.weights import load_weights
    from training.start import find_network

    checkpoint = open_checkpoint(version)
    recipe = checkpoint.record["recipe"]
    network = find_network(checkpoint.network)(side=checkpoint.side)
    load_weights(network, checkpoint.folder / "weights.npz")
    predict(network, test.pixels[:BATCH])  # the first call compiles
    began = time.perf_counter()
    plain = predict(network, test.pixels)
    seconds = time.perf_counter() - began
    others = [predict(network, pixels) for pixels in list(looks(test.pixels, recipe))[1:]]
    mean = np.mean([plain, *others], axis=0)
    facts = {
        "sha256": checkpoint.sha256,
        "network": checkpoint.network,
        "parameters": int(network.count_params()),
        "looks": 1 + len(others),
        "pictures_per_second": len(test) / seconds,
        "minutes_of_training": checkpoint.record.get("minutes"),
        "pictures_seen": checkpoint.record.get("steps", 0) * recipe["batch"],
    }
    return Answers(checkpoint.name, mean, plain, facts)


def looks(pixels: Pixels8, recipe: dict[str, Any]) -> Iterator[Pixels8]:
    """The pictures, then the same moved by a pixel and mirrored, as far as the recipe's training did so; each (n, side, side, 3)."""
    side = pixels.shape[1]
    padded = np.pad(pixels, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="reflect")
    for down, across in ((1, 1), (0, 1), (2, 1), (1, 0), (1, 2)) if recipe.get("shift") else ((1, 1),):
        moved = padded[:, down : down + side, across : across + side]
        yield moved
        if recipe.get("mirror"):
            yield moved[:, :, ::-1]


def predict(network: Any, pixels: Pixels8) -> Floats:
    answers = network.predict(np.ascontiguousarray(pixels), batch_size=BATCH, verbose=0)["logit"]
    return np.asarray(answers, np.float64)[:, 0]


def compare(answers: list[Answers], test: Pixels, twins: Mask) -> dict[str, Any]:
    """All figures of all versions, and the paired test of the first against each other one."""
    subsets = {"all": np.ones(len(test), bool)} | ({"without_twins": ~twins} if twins.any() else {})
    first = answers[0]
    return {
        "date": datetime.date.today().isoformat(),
        "hardware": hardware(),
        "pictures": len(test),
        "twins": int(twins.sum()),
        "versions": {
            one.name: one.facts | {name: figures(one, test.label, chosen) for name, chosen in subsets.items()}
            for one in answers
        },
        "mcnemar": {
            other.name: {
                name: paired(first.called[chosen], other.called[chosen], test.label[chosen])
                for name, chosen in subsets.items()
            }
            for other in answers[1:]
        },
    }


def figures(answers: Answers, labels: NDArray[np.int8], chosen: Mask) -> dict[str, Any]:
    label, called, logits = labels[chosen], answers.called[chosen], answers.logits[chosen]
    each = np.arange(len(label)).astype(str)
    return {
        "f1": f1(called, label),
        "f1_interval": f1_interval(called, label),
        "f1_of_the_picture_alone": f1(answers.plain[chosen] >= 0, label),
        "accuracy": share_of(called == (label == 1)).as_dict(),
        "auroc": auroc(logits, label),
        "auroc_interval": interval(bootstrap(lambda weights: auroc(logits, label, weights), each, label, RESAMPLES)),
        "false_accusations": share_of(called[label == 0]).as_dict(),
        "recall": share_of(called[label == 1]).as_dict(),
    }


def paired(first: Mask, second: Mask, label: NDArray[np.int8]) -> dict[str, Any]:
    right, other = first == (label == 1), second == (label == 1)
    return {
        "only_the_first_is_right": int((right & ~other).sum()),
        "only_the_second_is_right": int((other & ~right).sum()),
        "p": mcnemar(right, other),
    }


def show(report: dict[str, Any]) -> None:
    print(f"{report['pictures']} pictures, {report['twins']} of them with a twin in the training set")
    for name, version in report["versions"].items():
        print(
            f"\n{name}: {version['network']}, {version['parameters']:,} parameters, "
            f"{version['pictures_per_second']:.0f} pictures/s"
            + (f", mean of {version['looks']} looks" if version["looks"] > 1 else "")
        )
        for subset in ("all", "without_twins"):
            if subset not in version:
                continue
            one = version[subset]
            (low, high), (least, most) = one["f1_interval"], one["auroc_interval"]
            print(
                f"  {subset.replace('_', ' '):14} F1 {one['f1']:.4f} [{low:.4f}, {high:.4f}] "
                f"(the picture alone {one['f1_of_the_picture_alone']:.4f})  accuracy {as_text(one['accuracy'])}  "
                f"AUROC {one['auroc']:.4f} [{least:.4f}, {most:.4f}]  "
                f"false accusations {as_text(one['false_accusations'])}  recall {as_text(one['recall'])}"
            )
    for name, subsets in report["mcnemar"].items():
        for subset, test in subsets.items():
            print(
                f"\nagainst {name}, {subset.replace('_', ' ')}: {test['only_the_first_is_right']} pictures that only the version "
                f"has right, {test['only_the_second_is_right']} that only {name} has; McNemar's p = {test['p']:.2g}"
            )


def as_text(share: dict[str, Any]) -> str:
    return f"{share['value']:.2%} [{share['low']:.2%}, {share['high']:.2%}]"


if __name__ == "__main__":
    main()
