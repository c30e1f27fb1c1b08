"""Measure a version on held-out pictures as chats deliver them; with --calibrate, fit its bands first.

    python -m training.evaluate --version runs/chat --data candid-wild.parquet data/more --calibrate --html report.html
    python -m training.evaluate --version champion --data data/mine --fold -1 --json report.json --html report.html

The held-out pictures are those of the fold that training left out (--fold), at the tiers clean, telegram, hard and
screenshot (training/tiers.py). --calibrate writes card.json beside the weights: the version can then be promoted and
served. The rule by which it chooses the bands is in training/fitting.py and in the card; its figures are
cross-fitted: no source is measured with numbers that were fitted on it. Without --calibrate the card's own numbers
are used, a fair measure on pictures that the card was not calibrated on. The network's answers are kept
(training/scores.py), so a second run takes seconds.
"""

import argparse
import datetime
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from training.cards import save, write_card
from training.checkpoints import PLAIN, PLAIN_BANDS, Checkpoint, open_checkpoint
from training.fitting import Rule, Verdicts, apply, fit_all
from training.page import write_page
from training.report import curves, measure, mistakes
from training.scores import Scores, add_arguments, score_arguments
from training.table import print_report

ENOUGH_SOURCES = 10  # of each label; with fewer, one gallery's habits decide


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    add_arguments(parser)
    rule = Rule()
    parser.add_argument("--json", type=Path, help="write all figures here")
    parser.add_argument("--html", type=Path, help="write a page with plots here")
    parser.add_argument("--calibrate", action="store_true", help="fit calibration and bands, and write card.json")
    parser.add_argument(
        "--accusations", type=float, default=rule.accusations, help="most real pictures called AI (%(default)s)"
    )
    parser.add_argument("--worst-kind", type=float, default=rule.worst_kind, help="the same of one kind (%(default)s)")
    parser.add_argument("--missed", type=float, default=rule.missed, help="most AI pictures called real (%(default)s)")
    arguments = parser.parse_args()
    rule = replace(rule, accusations=arguments.accusations, worst_kind=arguments.worst_kind, missed=arguments.missed)
    evaluate(arguments, rule)


def evaluate(arguments: argparse.Namespace, rule: Rule) -> dict[str, Any]:
    checkpoint = open_checkpoint(arguments.version)
    scores = score_arguments(checkpoint, arguments)
    if not (0 < scores.label.mean() < 1):
        raise SystemExit("All these pictures have one label: give both real and AI pictures to measure on.")
    measured = {
        "fold": checkpoint.fold if arguments.fold is None else arguments.fold,
        "side": arguments.side or checkpoint.side,
        "views": arguments.views or checkpoint.views,
        "limit": arguments.limit,
        "data": [path.name for path in arguments.data],
    }
    if arguments.calibrate:
        warn_of_few_sources(scores)
    fitted = fit_all(scores, rule) if arguments.calibrate else None
    verdicts = (
        fitted.verdicts if fitted else apply(checkpoint.calibration or PLAIN, checkpoint.bands or PLAIN_BANDS, scores)
    )
    figures = {
        "version": checkpoint.name,
        "sha256": checkpoint.sha256,
        "date": datetime.date.today().isoformat(),
        "measured_on": measured,
        "calibrated": how_calibrated(checkpoint, arguments.calibrate, measured),
        "bands": bands_of(checkpoint) if fitted is None else {"real": fitted.bands.real, "ai": fitted.bands.ai},
        **measure(scores, verdicts),
    }
    if fitted:
        figures["curve"] = fitted.curve
        print(f"card: {write_card(checkpoint, fitted, rule, figures, arguments.data, measured)}")
    print_report(figures)
    write_files(figures, scores, verdicts, arguments)
    return figures


def warn_of_few_sources(scores: Scores) -> None:
    for label, words in ((0, "real"), (1, "AI")):
        names, sizes = np.unique(scores.source[scores.label == label], return_counts=True)
        if len(names) < ENOUGH_SOURCES:
            largest = f"{names[sizes.argmax()]} alone has {sizes.max() / sizes.sum():.0%} of the pictures"
            print(
                f"Only {len(names)} sources of {words} pictures are held out ({largest}): the figures say little about "
                "others, and the bands are set by these. Hold out another fold, or more data."
            )


def write_files(figures: dict[str, Any], scores: Scores, verdicts: Verdicts, arguments: argparse.Namespace) -> None:
    if not arguments.json and not arguments.html:
        return
    whole = {**figures, "mistakes": mistakes(scores, verdicts), "curves": curves(scores, verdicts)}
    for file in (arguments.json, arguments.html):
        if file:
            file.parent.mkdir(parents=True, exist_ok=True)
    if arguments.json:
        save(arguments.json, whole)
        print(f"figures: {arguments.json}")
    if arguments.html:
        write_page(arguments.html, whole)
        print(f"page: {arguments.html}")


def bands_of(checkpoint: Checkpoint) -> dict[str, float]:
    bands = checkpoint.bands or PLAIN_BANDS
    return {"real": bands.real, "ai": bands.ai}


def how_calibrated(checkpoint: Checkpoint, now: bool, measured: dict[str, Any]) -> str:
    if now:
        return "cross-fitted on these pictures: each source is answered by what was fitted on other sources"
    if checkpoint.calibration is None:
        return "not calibrated: only AUROC and recall at a rate mean something; run again with --calibrate"
    before = checkpoint.record.get("measured_on", {})
    if set(before.get("data", [])) & set(measured["data"]) and before.get("fold") == measured["fold"]:
        return "by the card, which was fitted on these same pictures: the figures by verdict flatter a little"
    return "by the card, which was fitted on other pictures"


if __name__ == "__main__":
    main()
