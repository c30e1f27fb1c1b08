"""Cards of today, and those that were written before there was a network for composition."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from model.card import read_card
from model.registry import VERSIONS
from tests.model.made import CARD, write_card


@pytest.mark.parametrize("written", [{}, {"composition": ""}, {"composition": "", "composition_side": 0}])
def test_a_card_without_composition_is_read_as_before(version: Path, tmp_path: Path, written: dict[str, Any]) -> None:
    assert "composition" not in CARD
    copy = shutil.copytree(version, tmp_path / "copy")
    write_card(copy, {**CARD, **written})
    card = read_card(copy)
    assert (card.version, card.network, card.side, card.views) == ("red", "red", 32, 8)
    assert (card.composition, card.composition_side, card.calibration.composition) == ("", 0, 0.0)


def test_a_card_names_the_side_of_the_view_for_composition(version: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(version, tmp_path / "copy")
    write_card(copy, {**CARD, "composition": "clip_vit", "composition_side": 224})
    assert (read_card(copy).composition, read_card(copy).composition_side) == ("clip_vit", 224)
    write_card(copy, {**CARD, "composition": "clip_vit"})
    with pytest.raises(ValueError, match="is no card of a version \\(it lacks 'composition_side'\\)"):
        read_card(copy)


@pytest.mark.parametrize(
    "folder", sorted(card.parent for card in VERSIONS.glob("*/card.json")), ids=lambda path: path.name
)
def test_every_version_that_comes_with_it_can_be_gone_back_to(folder: Path) -> None:
    card = read_card(folder)  # which looks at the sum of the weights, too
    written = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    assert card.version == folder.name
    assert card.composition == written.get("composition", "")
    assert bool(card.composition) == (card.composition_side > 0) == (card.calibration.composition > 0)
