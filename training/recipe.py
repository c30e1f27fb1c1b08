"""A recipe: everything that an experiment was run with, in one TOML file under training/recipes/."""

import tomllib
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

RECIPES = Path(__file__).with_name("recipes")


@dataclass(frozen=True, slots=True)
class Recipe:
    name: str
    network: str  # a function in model/network.py or model/small.py
    start: str  # "imagenet", "scratch", "champion", or the folder of a version
    side: int  # pixels of a training sample
    batch: int
    steps: int  # how long, unless `minutes` says it
    learning_rate: float  # at the peak
    beside: str = ""  # the version whose network for composition goes with this one: "champion" or a folder
    minutes: float = 0.0  # of wall-clock, instead of steps
    small_side: int = 0  # pixels of a sample in the first `small_share` of the run; 0 for `side` throughout
    small_share: float = 0.0
    fold: int = 0  # held out to calibrate and measure; -1 trains on everything. Of small whole pictures, a twentieth is
    mirror: bool = True  # small whole pictures: every other one is mirrored,
    shift: int = 2  # and each is moved by up to so many pixels
    optimizer: str = "adamw"  # or "muon"
    precision: str = "float32"  # or "bfloat16": activations and products, not the weights
    warmup: int = 200
    weight_decay: float = 0.02
    label_smoothing: float = 0.05
    average: float = 0.998
    clip: float = 1.0
    dropout: float = 0.2
    teacher_width: int = 0  # principal components of the teacher's features to learn beside the label; 0 for none
    teacher_weight: float = 0.0
    seed: int = 1

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def read_recipe(name: str, **changes: Any) -> Recipe:
    """A recipe by name or path, with the changes that are not None. Raises SystemExit with a sentence for an unknown one or a wrong key."""
    file = Path(name) if name.endswith(".toml") else RECIPES / f"{name}.toml"
    if not file.is_file():
        known = ", ".join(sorted(path.stem for path in RECIPES.glob("*.toml")))
        raise SystemExit(f"There is no recipe {name!r}. Known ones: {known}; or give the path of a .toml file.")
    values = tomllib.loads(file.read_text())
    unknown = set(values) - {field.name for field in fields(Recipe)}
    if unknown:
        raise SystemExit(
            f"{file}: unknown {', '.join(sorted(unknown))}; a recipe has {', '.join(f.name for f in fields(Recipe))}."
        )
    try:
        recipe = Recipe(**{"name": file.stem, **values})
    except TypeError as error:
        raise SystemExit(f"{file}: {error}") from error
    return replace(recipe, **{key: value for key, value in changes.items() if value is not None})
