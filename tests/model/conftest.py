import os
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")

import pytest

import model.network
from model.detector import Detector, load
from tests.model.made import red, write_version


@pytest.fixture(scope="session")
def version(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the version that finds red."""
    model.network.red = red  # type: ignore[attr-defined]
    return write_version(tmp_path_factory.mktemp("versions") / "red")


@pytest.fixture(scope="session")
def detector(version: Path) -> Detector:
    return load(version)
