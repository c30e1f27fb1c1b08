"""The network as it is served: one program for a few views, compiled by JAX, which every core runs on views of its own.

What makes it fast and small on a CPU (benchmarks/forward.py and benchmarks/memory.py measure both):

* Up to the layer model.network.DETAIL, where a view has many pixels and the layers few weights, the program takes one view
  after another, so that what lies between two layers stays in the core's cache. Behind it, where the weights are many,
  it takes all its views together, so that each weight is fetched once for them all.
* Cores that share every layer wait for each other at every layer. A core that has views of its own doesn't.
* The Keras network is described and never filled: each new shape of a weight would compile a program of its own, which
  together took longer and left more behind than the network itself.
"""

import ctypes
import functools
import os
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.views import Pixels

Floats = NDArray[np.float32]

# Eigen's matrix products instead of YNNPACK's, which are a tenth slower for a core by itself; and each in one thread.
OPTIONS = {
    "xla_cpu_experimental_ynn_fusion_type": "LIBRARY_FUSION_TYPE_INDIVIDUAL_CONVOLUTION",
    "xla_cpu_multi_thread_eigen": False,
}


class Program:
    """`network` with `weights` (by the variables' paths), ready for any number of views at a time. Thread-safe."""

    def __init__(self, network: Any, weights: dict[str, Floats], side: int, views: int) -> None:
        """`views` are those of one picture: they are dealt to the cores evenly, and a single one is shared by them all. `weights` is
        emptied: so much memory is not held twice."""
        threads = min(cores(), views)
        self._side, self._size = side, -(-views // threads)
        self._forward = compile_forward(with_maps(network), weights, shared=views == 1)
        self._threads = ThreadPoolExecutor(threads, "core")

    def warm_up(self) -> None:
        """Compile now rather than on somebody's picture, and give back the memory that compiling took."""
        self.logits(np.zeros((self._size, self._side, self._side, 3), np.uint8))
        give_back_memory()

    def logits(self, pixels: Pixels) -> Floats:
        """(n, side, side, 3) -> (n,)."""
        return self._run(pixels, "logit")[:, 0]

    def maps(self, pixels: Pixels) -> Floats:
        """(n, side, side, 3) -> the last feature maps, (n, rows, columns, features)."""
        return self._run(pixels, "maps")

    def _run(self, pixels: Pixels, output: str) -> Floats:
        def run(start: int) -> Floats:
            part = pixels[start : start + self._size]
            given = len(part)
            if given < self._size:
                part = np.concatenate([part, np.zeros((self._size - given, *part.shape[1:]), np.uint8)])
            return np.asarray(self._forward(part)[output], np.float32)[:given]

        return np.concatenate(list(self._threads.map(run, range(0, len(pixels), self._size))))


def describe(name: str, side: int) -> Any:
    """The network `name` of model.network without values: its variables only have names and shapes."""
    import keras

    import model.network as networks
    import model.transformer as transformers

    if not callable(build := getattr(networks, name, None) or getattr(transformers, name, None)):
        raise ValueError(f"There is no network {name!r} in this Candid: the version was made by a newer one.")
    with keras.StatelessScope(initialize_variables=False):
        return build(side=side)


def with_maps(network: Any) -> Any:
    """The same network with its last feature maps as an output too: so an explanation needs no program of its own, whose
    compilation would hold up everyone for seconds."""
    import keras

    return keras.Model(network.input, {"logit": network.output["logit"], "maps": network.get_layer("maps").output})


def compile_forward(
    network: Any, weights: dict[str, Floats] | None = None, shared: bool = False
) -> Callable[[Pixels], Any]:
    """uint8 views -> the network's outputs, jitted. The weights, by default the network's own, are arguments of the program
    and not constants in it, so that they are held once; `weights` is emptied. `shared` gives each pass all cores."""
    import jax
    import jax.numpy as jnp

    parts = cut(network)

    def forward(values: Mapping[str, Any], pixels: Any) -> Any:
        def run(part: Any, inputs: Any) -> Any:
            trainable = [values[variable.path] for variable in part.trainable_variables]
            fixed = [values[variable.path] for variable in part.non_trainable_variables]
            return part.stateless_call(trainable, fixed, inputs, training=False)[0]

        if len(parts) == 1:
            return run(parts[0], pixels.astype(jnp.float32))
        detail = jax.lax.map(lambda view: run(parts[0], view[None].astype(jnp.float32))[0], pixels)
        return run(parts[1], detail)

    jitted = jax.jit(forward, compiler_options=None if shared else options())
    # Not jnp.asarray, which would compile a program for each shape.
    if weights is None:
        weights = {one.path: one.value for one in network.variables}
    held = {path: jax.device_put(weights.pop(path)).block_until_ready() for path in list(weights)}
    return lambda pixels: jitted(held, pixels)


def cut(network: Any) -> list[Any]:
    """The network in two at the layer DETAIL; whole where there is no such layer."""
    import keras

    from model.network import DETAIL

    if DETAIL not in {layer.name for layer in network.layers}:
        return [network]
    middle = network.get_layer(DETAIL).output
    return [keras.Model(network.input, middle), keras.Model(middle, network.output)]


@functools.cache
def options() -> dict[str, Any] | None:
    """OPTIONS, or None where this version of JAX doesn't know them: they change the speed and nothing else."""
    import jax

    try:
        jax.jit(lambda x: x, compiler_options=OPTIONS)(np.float32(0))
    except jax.errors.JaxRuntimeError:
        return None
    return OPTIONS


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def give_back_memory() -> None:
    """Return to the system what was freed: glibc keeps it, and a compiler frees a hundred megabytes in one go."""
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
        libc.malloc_trim(0)
