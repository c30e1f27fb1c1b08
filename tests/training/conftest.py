"""Keras is served, and tested, on JAX; it has to know before it is imported."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")
