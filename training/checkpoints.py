"""A version to be measured: one that has its card, or a run of training that has none yet."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.calibration import Bands, Calibration
from model.card import read_card
from model.registry import Registry

PLAIN = Calibration(
    overview=0.5, native=0.5, bias=0.0
)  # for a run that nobody calibrated: order is all that its scores give
PLAIN_BANDS = Bands(real=0.3, ai=0.7)


@dataclass(frozen=True)
class Checkpoint:
    """`calibration` is None until training.evaluate --calibrate has run; `record` is card.json, else training.json."""

    name: str
    folder: Path
    sha256: str
    network: str
    composition: str  # the name of the network for composition, or "",
    composition_side: int  # and the side of its view
    side: int
    views: int
    fold: int
    calibration: Calibration | None
    bands: Bands | None
    record: dict[str, Any]


def open_checkpoint(version: str, registry: Registry | None = None) -> Checkpoint:
    """By folder, by name, or `champion`. Raises SystemExit with a sentence when there is no such version."""
    folder = Path(version)
    if not (folder / "weights.npz").is_file():
        try:
            folder = (registry or Registry()).path(version)
        except FileNotFoundError as error:
            raise SystemExit(f"{version} is no folder with weights.npz, and: {error}") from error
    sha256 = hashlib.sha256((folder / "weights.npz").read_bytes()).hexdigest()
    training = folder / "training.json"
    run: dict[str, Any] = json.loads(training.read_text(encoding="utf-8")) if training.is_file() else {}
    if (folder / "card.json").is_file():
        card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
        # Trained further since the card was written: the card is history, the run is what counts.
        if card["sha256"] == sha256 or not run:
            return with_card(folder, run)
    if not run:
        raise SystemExit(
            f"{folder} has neither card.json nor training.json: it is no version that training.train wrote."
        )
    recipe = run["recipe"]
    return Checkpoint(
        folder.resolve().name, folder, sha256, run.get("network", recipe["network"]), run.get("composition", ""),
        run.get("composition_side", 0), recipe["side"], 8, recipe["fold"], None, None, run,
    )  # fmt: skip


def with_card(folder: Path, run: dict[str, Any]) -> Checkpoint:
    try:
        card = read_card(folder)
    except ValueError as error:
        raise SystemExit(str(error)) from error
    recipe = card.data.get("recipe") or run.get("recipe", {})
    return Checkpoint(
        card.version, folder, card.data["sha256"], card.network, card.composition, card.composition_side, card.side,
        card.views, recipe.get("fold", 0), card.calibration, card.bands, card.data,
    )  # fmt: skip
