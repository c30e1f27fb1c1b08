from pathlib import Path

import pytest

from model.transformer import PATCH
from training.recipe import RECIPES, read_recipe
from training.start import build_network, find_network, is_for_composition


@pytest.mark.parametrize("name", sorted(file.stem for file in RECIPES.glob("*.toml")))
def test_the_recipes_that_come_with_it_can_be_read(name: str) -> None:
    recipe = read_recipe(name)
    assert recipe.name == name
    assert callable(find_network(recipe.network))
    assert recipe.view in ("", "overview", "native")
    if is_for_composition(recipe.network):
        assert recipe.beside and recipe.side % PATCH == 0 and not recipe.small_side


def test_which_recipes_are_of_which_network() -> None:
    assert is_for_composition(read_recipe("composition").network)
    assert not is_for_composition(read_recipe("chat").network)
    assert read_recipe("chat").side == read_recipe("composition").side == read_recipe("retrain").side
    assert read_recipe("chat").fold == read_recipe("composition").fold, (
        "what one held out, the other must not have seen"
    )
    assert read_recipe("retrain").beside == read_recipe("chat").beside == "champion"


def test_changes_and_mistakes(tmp_path: Path) -> None:
    changed = read_recipe("composition", start="clip:here.onnx", steps=None, fold=2)
    assert (changed.start, changed.fold, changed.steps) == ("clip:here.onnx", 2, read_recipe("composition").steps)
    with pytest.raises(SystemExit, match=r"Known ones: .*composition"):
        read_recipe("nonsense")
    file = tmp_path / "own.toml"
    file.write_text('network = "tiny"\nviews = 3\n')
    with pytest.raises(SystemExit, match=r"unknown views; a recipe has .*beside, view, frozen"):
        read_recipe(str(file))
    file.write_text('network = "tiny"\n')
    with pytest.raises(SystemExit, match="start"):
        read_recipe(str(file))


def test_an_unknown_network_and_a_start_without_its_file_get_sentences() -> None:
    with pytest.raises(SystemExit, match=r"model/transformer\.py has a network 'Linear_'"):
        find_network("Linear_")
    with pytest.raises(SystemExit, match="--start clip:FILE"):
        build_network(read_recipe("composition"), 0)
