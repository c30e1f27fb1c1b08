import numpy as np

from training.batches import mix


def test_mixed_samples_have_the_label_of_their_parts() -> None:
    labels = np.tile(np.array([[0.0], [1.0]], np.float32), (16, 1))
    samples = np.broadcast_to((labels * 200).astype(np.uint8)[:, :, None, None], (32, 40, 40, 3)).copy()
    places = mix(samples, labels, 0.5, np.random.default_rng(1))
    assert 4 < len(places) < 28
    np.testing.assert_allclose(labels[:, 0], (samples[..., 0] == 200).mean(axis=(1, 2)), atol=1e-6)
    assert np.any((labels > 0) & (labels < 1))


def test_no_sample_is_mixed_where_the_recipe_has_no_share() -> None:
    labels, samples = np.ones((4, 1), np.float32), np.arange(4 * 8 * 8 * 3, dtype=np.uint8).reshape(4, 8, 8, 3)
    before = samples.copy()
    assert not len(mix(samples, labels, 0.0, np.random.default_rng(1)))
    np.testing.assert_array_equal(samples, before)
