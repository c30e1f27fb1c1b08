import os
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")

import pytest

import model.network
import model.transformer
from model.detector import Detector, load
from tests.model.made import blue, red, write_version, write_version_with_composition


@pytest.fixture(scope="session")
def version(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the version that finds red."""
    model.network.red = red  # type: ignore[attr-defined]
    return write_version(tmp_path_factory.mktemp("versions") / "red")


@pytest.fixture(scope="session")
def detector(version: Path) -> Detector:
    return load(version)


@pytest.fixture(scope="session")
def composed(version: Path) -> Detector:
    """The version that finds red, and blue in the picture as a whole."""
    model.transformer.blue = blue  # type: ignore[attr-defined]
    return load(write_version_with_composition(version.parent / "blue", version))
