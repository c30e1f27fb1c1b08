"""Make a version the champion, if it is no worse than the present one anywhere that counts; or go back to the one
before.

    python -m training.promote runs/mine --data candid-wild.parquet data/mine
    python -m training.promote runs/mine --force "the old one misses this year's generators"
    python -m training.promote --roll-back

The version must have its card (training.evaluate --calibrate). Champion and challenger judge the same held-out
pictures; the test is described in training/gate.py. What was found goes into the card of the promoted version, and so
does --force with its reason. The first champion has nobody to beat. A running bot takes the new champion by itself.
"""

import argparse
import datetime
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from model.registry import Registry
from training.cards import CARD, rounded, save
from training.checkpoints import Checkpoint, open_checkpoint
from training.fitting import Verdicts, apply
from training.gate import Comparison, Margins, compare
from training.pictures import read_pictures
from training.scores import CACHE, Scores, score
from training.tiers import TIERS


def main() -> None:
    margins = Margins()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("version", nargs="?", help="the folder of a run, or a version in the registry")
    parser.add_argument(
        "--data", type=Path, nargs="+", default=[], help="packed parquet files, or folders with real/ and ai/"
    )
    parser.add_argument("--fold", type=int, help="whose sources to compare on: by default those held out; -1 for all")
    parser.add_argument(
        "--limit", type=int, default=0, help="only about so many pictures, evenly over labels and sources"
    )
    parser.add_argument("--margin", type=float, default=margins.auroc, help="how much AUROC may fall (%(default)s)")
    parser.add_argument(
        "--margin-accusations", type=float, default=margins.accusations, help="(%(default)s of all reals)"
    )
    parser.add_argument("--margin-slice", type=float, default=margins.slice, help="(%(default)s of a kind or source)")
    parser.add_argument("--margin-recall", type=float, default=margins.recall, help="(%(default)s of the AI pictures)")
    parser.add_argument("--least", type=int, default=margins.least, help="pictures of each label needed (%(default)s)")
    parser.add_argument(
        "--force", metavar="WHY", help="promote in spite of the gate; the reason is written into the card"
    )
    parser.add_argument("--roll-back", action="store_true", help="make the champion before this one the champion again")
    parser.add_argument("--registry", type=Path, help="folder of the versions (default: the packaged one)")
    parser.add_argument(
        "--cache", type=Path, default=CACHE, help="folder for the network's answers (default: %(default)s)"
    )
    arguments = parser.parse_args()
    registry = Registry(arguments.registry)
    if arguments.roll_back:
        roll_back(registry)
    elif not arguments.version:
        raise SystemExit("Name the version to promote, or --roll-back.")
    else:
        margins = replace(
            margins,
            auroc=arguments.margin,
            accusations=arguments.margin_accusations,
            recall=arguments.margin_recall,
            slice=arguments.margin_slice,
            least=arguments.least,
        )
        promote(registry, arguments, margins)


def roll_back(registry: Registry) -> None:
    try:
        print(f"{registry.roll_back()} is the champion again.")
    except (ValueError, FileNotFoundError) as error:
        raise SystemExit(str(error)) from error


def promote(registry: Registry, arguments: argparse.Namespace, margins: Margins) -> None:
    """Raises SystemExit with the reasons when the gate does not open."""
    challenger = open_checkpoint(arguments.version, registry)
    if challenger.calibration is None:
        raise SystemExit(
            f"{challenger.folder} has no card yet: run python -m training.evaluate --calibrate on it first."
        )
    refuse_other_weights(registry, challenger)
    gate: dict[str, Any] = {"date": datetime.date.today().isoformat(), "against": None}
    try:
        champion = open_checkpoint("champion", registry) if registry.history() else None
    except FileNotFoundError:
        champion = None
    if champion is not None and (champion.name, champion.sha256) == (challenger.name, challenger.sha256):
        raise SystemExit(f"{champion.name} is the champion already.")
    if champion is not None:
        gate["against"] = champion.name
        if arguments.data:
            comparison = run_gate(champion, challenger, arguments, margins)
            gate |= comparison.as_record(margins)
            if comparison.reasons and not arguments.force:
                raise SystemExit(refusal(challenger, champion, comparison))
        elif not arguments.force:
            raise SystemExit(f"Give --data to compare {challenger.name} with the champion {champion.name} on.")
        else:
            gate["reasons"] = ["The gate was not run: no data was given."]
    if arguments.force:
        gate["forced"] = arguments.force
    registry.add(challenger.folder)
    write_gate(registry.directory / challenger.folder.resolve().name / CARD, gate)
    registry.promote(challenger.folder.resolve().name)
    before = f", after {champion.name}" if champion and champion.name != challenger.name else ""
    print(f"{challenger.name} is the champion{before}. To go back: python -m training.promote --roll-back")


def refuse_other_weights(registry: Registry, challenger: Checkpoint) -> None:
    """A version's name stands for its weights: an answer that names it must stay true."""
    card = registry.directory / challenger.folder.resolve().name / CARD
    if card.is_file() and json.loads(card.read_text(encoding="utf-8"))["sha256"] != challenger.sha256:
        raise SystemExit(
            f"The registry has another version named {challenger.name!r}: rename the folder {challenger.folder}, "
            "run python -m training.evaluate --calibrate again, and promote that."
        )


def run_gate(
    champion: Checkpoint, challenger: Checkpoint, arguments: argparse.Namespace, margins: Margins
) -> Comparison:
    fold = challenger.fold if arguments.fold is None else arguments.fold
    pictures = read_pictures(arguments.data, None if fold < 0 else fold, arguments.limit)
    if champion.fold not in (fold, challenger.fold):
        print(f"The champion held out fold {champion.fold}, not {fold}: it may have learnt some of these pictures.")
    scores, after = judged(challenger, pictures, arguments.cache)
    theirs, before = judged(champion, pictures, arguments.cache)
    both = np.isin(scores.id, theirs.id)
    place = {name: row for row, name in enumerate(theirs.id.tolist())}
    rows = np.array([place[name] for name in scores.id[both].tolist()], np.int64)
    before = before.of(rows)
    comparison = compare(chosen(scores, both), before, after.of(both), margins)
    print(f"{challenger.name} against the champion {champion.name} on {int(both.sum())} pictures:")
    for tier, change in comparison.tiers.items():
        print(
            f"  {tier:<10}  AUROC {change['auroc']:+.3f} [{change['auroc_low']:+.3f} {change['auroc_high']:+.3f}]   "
            f"false accusations {change['false_accusations']:+.1%}   recall {change['recall']:+.1%}"
        )
    return comparison


def judged(checkpoint: Checkpoint, pictures: Any, cache: Path) -> tuple[Scores, Verdicts]:
    assert checkpoint.calibration is not None
    assert checkpoint.bands is not None
    scores = score(checkpoint, pictures, TIERS, checkpoint.views, checkpoint.side, cache)
    return scores, apply(checkpoint.calibration, checkpoint.bands, scores)


def chosen(scores: Scores, rows: Any) -> Scores:
    facts = ("id", "label", "kind", "generator", "source", "complete", "logits", "kinds")
    return replace(scores, **{name: getattr(scores, name)[rows] for name in facts})


def refusal(challenger: Checkpoint, champion: Checkpoint, comparison: Comparison) -> str:
    reasons = "\n".join(f"- {reason}" for reason in comparison.reasons)
    return (
        f"{challenger.name} was not promoted; {champion.name} stays the champion:\n{reasons}\n"
        "To promote it all the same, say why with --force; the reason and these sentences go into its card."
    )


def write_gate(card: Path, gate: dict[str, Any]) -> None:
    data = json.loads(card.read_text(encoding="utf-8"))
    save(card, {**data, "gate": rounded(gate)}, exact=True)


if __name__ == "__main__":
    main()
