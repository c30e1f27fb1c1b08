"""Writes card.json: what a version was made from, how it does, and the numbers that turn its scores into verdicts."""

import csv
import datetime
import json
import os
import platform
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from training.checkpoints import Checkpoint
from training.dataset import read_items
from training.fitting import Exact, Fitted, Rule, as_record

CARD = "card.json"
IN_CARD = ("pictures", "tiers", "flips", "real_kinds", "ai_kinds", "generators", "worst")
DIGITS = 5


def write_card(
    checkpoint: Checkpoint,
    fitted: Fitted,
    rule: Rule,
    report: dict[str, Any],
    data: Sequence[Path],
    measured: dict[str, Any],
) -> Path:
    """Into the version's own folder, in one step. `measured` says on what: fold, views, side, limit."""
    run = run_record(checkpoint)
    recipe = run.get("recipe", {})
    card = {
        "version": checkpoint.folder.resolve().name,
        "date": datetime.date.today().isoformat(),
        "network": checkpoint.network,
        "composition": checkpoint.composition,
        "composition_side": checkpoint.composition_side,
        "side": measured["side"],
        "views": measured["views"],
        "calibration": plain(fitted.calibration),
        "bands": plain(fitted.bands),
        "chosen": as_record(fitted, rule),
        "sha256": checkpoint.sha256,
        "curve": fitted.curve,
        "metrics": {name: report[name] for name in IN_CARD},
        "measured_on": measured,
        "recipe": recipe,
        "composed": run.get("composed"),
        "command": run.get("command", f"python -m training.train --recipe {recipe.get('name', '?')}"),
        "minutes": run.get("minutes"),
        "steps": run.get("steps"),
        "hardware": run.get("hardware", hardware()),
        "backend": run.get("backend"),
        "data": sources(data, measured["fold"]),
        "limitations": limitations(report, rule),
    }
    file = checkpoint.folder / CARD
    save(file, card)
    return file


def run_record(checkpoint: Checkpoint) -> dict[str, Any]:
    """What training wrote beside the weights; of a version that was only copied, what its card kept of it."""
    file = checkpoint.folder / "training.json"
    if file.is_file():
        record: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return record
    return checkpoint.record


def save(file: Path, record: dict[str, Any], exact: bool = False) -> None:
    """In one step. `exact` leaves every number as it is, for a record that was read from such a file."""
    partial = file.with_suffix(f".{os.getpid()}.part")
    partial.write_text(
        json.dumps(record if exact else rounded(record), indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    partial.replace(file)


def plain(value: Any) -> dict[str, float]:
    """The exact numbers of a calibration or of bands: thresholds are never rounded."""
    return {name: Exact(getattr(value, name)) for name in type(value).__slots__}


def rounded(value: Any) -> Any:
    """The same with floats cut to DIGITS significant digits, and NaN as null, as JSON has none."""
    if isinstance(value, dict):
        return {key: rounded(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(entry) for entry in value]
    if isinstance(value, float) and not isinstance(value, Exact):
        return None if value != value else float(f"{value:.{DIGITS}g}")
    return value


def hardware() -> str:
    """Of this machine, which is the one that trained unless training.json says otherwise."""
    names = Path("/proc/cpuinfo")
    model = platform.processor() or platform.machine()
    if names.is_file():
        lines = [line for line in names.read_text(encoding="utf-8").splitlines() if line.startswith("model name")]
        model = lines[0].split(":", 1)[1].strip() if lines else model
    return f"{os.cpu_count()} CPU cores, {model}, {platform.system()}, Python {sys.version.split()[0]}"


def sources(data: Sequence[Path], fold: int) -> dict[str, Any]:
    """Every source with its repository and how many pictures of it were for training and how many were held out."""
    repositories = {}
    for path in data:
        repositories.update(repositories_of(path))
    pictures: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for item in read_items(data):
        use = "held_out" if item.fold == fold or fold < 0 else "training"
        pictures[item.source][f"{use}_{'ai' if item.label else 'real'}"].add(item.id)
    found: dict[str, dict[str, Any]] = {}
    for source, uses in sorted(pictures.items()):
        counts = {use: len(ids) for use, ids in sorted(uses.items())}
        found[source] = {"repository": repositories.get(source, ""), **counts}
    totals: dict[str, int] = defaultdict(int)
    for entry in found.values():
        for use, count in entry.items():
            if isinstance(count, int):
                totals[use] += count
    return {"totals": dict(totals), "sources": found}


def repositories_of(path: Path) -> dict[str, str]:
    """Where each source came from, as index.csv of a folder or sources.csv beside a parquet says."""
    file = path / "index.csv" if path.is_dir() else path.with_name("sources.csv")
    if not file.is_file():
        return {}
    with file.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    return {row["source"]: row["repository"] for row in rows if row.get("source") and row.get("repository")}


def limitations(report: dict[str, Any], rule: Rule) -> list[str]:
    """In plain words, from the figures."""
    tiers = report["tiers"]
    missed = max(tier["missed"]["value"] for tier in tiers.values())
    unsure = max(1 - tier["coverage"]["value"] for tier in tiers.values())
    words = [
        "An answer is a signal, never proof: nobody should be punished for it alone.",
        f"Up to {unsure:.0%} of pictures get no answer, and up to {missed:.1%} of AI pictures are called likely real, "
        "more of generators that were not in the data.",
        "Measured on sources that the network never saw, but of the same kinds as it learnt from; generators of next "
        "year, and pictures that are only partly generated or edited by hand afterwards, are not measured.",
        "Heavily shrunken or recompressed pictures (a preview of a preview) carry few traces: it is right less often.",
    ]
    accused, recall = report["worst"]["false_accusations"], report["worst"]["recall"]
    if accused:
        words.append(
            f"The kind of real picture that it accuses most is {accused['slice']!r}: {accused['value']:.1%} of "
            f"{accused['of']} at the {accused['tier']} tier, up to {accused['high']:.1%} within the measure's error."
        )
    if recall:
        words.append(
            f"The generator that it finds least is {recall['slice']!r} ({recall['value']:.0%} of {recall['of']} "
            f"at the {recall['tier']} tier)."
        )
    return words
