from pathlib import Path

import pytest

from training.recipe import RECIPES, read_recipe
from training.start import find_network


@pytest.mark.parametrize("name", sorted(file.stem for file in RECIPES.glob("*.toml")))
def test_the_recipes_that_come_with_it_can_be_read(name: str) -> None:
    recipe = read_recipe(name)
    assert recipe.name == name
    assert callable(find_network(recipe.network))


def test_what_the_bot_serves_keeps_its_second_network() -> None:
    assert read_recipe("retrain").beside == read_recipe("chat").beside == "champion"
    assert read_recipe("chat").side == read_recipe("retrain").side


def test_changes_and_mistakes(tmp_path: Path) -> None:
    changed = read_recipe("retrain", start="runs/mine", steps=None, fold=2)
    assert (changed.start, changed.fold, changed.steps) == ("runs/mine", 2, read_recipe("retrain").steps)
    with pytest.raises(SystemExit, match=r"Known ones: .*retrain"):
        read_recipe("nonsense")
    file = tmp_path / "own.toml"
    file.write_text('network = "tiny"\nviews = 3\n')
    with pytest.raises(SystemExit, match=r"unknown views; a recipe has .*beside"):
        read_recipe(str(file))
    file.write_text('network = "tiny"\n')
    with pytest.raises(SystemExit, match="start"):
        read_recipe(str(file))


def test_an_unknown_network_gets_a_sentence() -> None:
    with pytest.raises(SystemExit, match="has a network 'Linear_'"):
        find_network("Linear_")
