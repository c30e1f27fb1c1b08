import numpy as np
import pytest

from training.recipe import read_recipe


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_the_average_grows_with_the_run(optimizer: str) -> None:
    """After a few steps the average must not be made of the start; with Keras's own it would be, at 0.998."""
    import keras

    from training.train import build_optimizer

    weight = keras.Variable(np.zeros((1, 1, 2, 2), np.float32))
    built = build_optimizer(read_recipe("cifake", optimizer=optimizer, learning_rate=0.0))
    built.build([weight])
    for step in range(40):
        weight.assign(np.full((1, 1, 2, 2), step, np.float32))
        built.apply([keras.ops.zeros((1, 1, 2, 2))])
    average = np.asarray(built._model_variables_moving_average[0])
    assert np.all((average > 25) & (average < 39))
    assert built.ema_momentum == read_recipe("cifake").average
