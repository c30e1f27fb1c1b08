"""The detectors of small pictures that come with Candid are those that the published figures were measured with."""

import json
from pathlib import Path

import numpy as np
import pytest

import training
from training.checkpoints import open_checkpoint
from training.cifake import predict

TRAINED = Path(training.__file__).with_name("trained")


@pytest.mark.parametrize("name", ["cifake", "cifake-paper"])
def test_the_weights_are_those_that_were_measured(name: str) -> None:
    from model.weights import load_weights
    from training.start import find_network

    checkpoint = open_checkpoint(str(TRAINED / name))
    figures = json.loads((TRAINED / "cifake.json").read_text())["versions"][name]
    assert checkpoint.sha256 == figures["sha256"]
    network = find_network(checkpoint.network)(side=checkpoint.side)
    load_weights(network, checkpoint.folder / "weights.npz")
    assert network.count_params() == figures["parameters"] <= 3_000_000
    pixels = np.random.default_rng(1).integers(0, 256, (4, 32, 32, 3), np.uint8)
    logits = predict(network, pixels)
    assert logits.shape == (4,) and np.isfinite(logits).all() and np.ptp(logits) > 0
