"""A version's card: what it was made from, how it does, and the numbers that turn its scores into verdicts."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.calibration import Bands, Calibration


@dataclass(frozen=True)
class Card:
    """`data` is the whole of card.json: recipe, data, command, time, hardware, metrics by tier and slice."""

    version: str
    network: str
    composition: str  # the network for composition, "" where the version has none,
    composition_side: int  # and the side of its view in pixels
    side: int
    views: int
    calibration: Calibration
    bands: Bands
    data: dict[str, Any]


def read_card(folder: Path) -> Card:
    """Raises ValueError with a sentence for a broken card, or when the weights are not those that it was written for."""
    try:
        return _card(folder, json.loads((folder / "card.json").read_text(encoding="utf-8")))
    except (KeyError, TypeError, json.JSONDecodeError, UnicodeDecodeError) as error:
        what = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise ValueError(f"{folder / 'card.json'} is no card of a version ({what}): copy the version again.") from error


def _card(folder: Path, data: dict[str, Any]) -> Card:
    found = hashlib.sha256((folder / "weights.npz").read_bytes()).hexdigest()
    if found != data["sha256"]:
        raise ValueError(
            f"{folder / 'weights.npz'} is not the file that card.json describes (sha256 {found[:12]}…): copy the version again."
        )
    return Card(
        version=data["version"],
        network=data["network"],
        composition=data.get("composition", ""),
        composition_side=data["composition_side"] if data.get("composition") else 0,
        side=data["side"],
        views=data["views"],
        calibration=Calibration(**data["calibration"]),
        bands=Bands(**data["bands"]),
        data=data,
    )
