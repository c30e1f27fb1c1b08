import functools
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import model.program
from model.network import DETAIL, tiny
from model.program import Program, compile_forward, cut, describe

SIDE = 64
Weights = dict[str, NDArray[np.float32]]


def drawn(network: Any) -> Weights:
    """Weights under which neither all is cut off nor all is nothing."""
    random = np.random.default_rng(2)
    return {
        one.path: random.normal(0, 1.4 / np.sqrt(max(1, np.prod(one.shape[:-1]))), one.shape).astype(np.float32)
        for one in network.variables
    }


def plain(network: Any, weights: Weights, pixels: NDArray[np.uint8]) -> tuple[Any, Any]:
    """Logits and maps as Keras gives them: all views through one layer after another."""
    import keras

    whole = keras.Model(network.input, [network.output["logit"], network.get_layer("maps").output])
    values = [weights[one.path] for one in whole.trainable_variables]
    (logits, maps), _ = whole.stateless_call(values, [], pixels.astype(np.float32))
    return np.asarray(logits)[:, 0], np.asarray(maps)


def some(views: int) -> NDArray[np.uint8]:
    return np.random.default_rng(views).integers(0, 256, (views, SIDE, SIDE, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def network() -> Any:
    return describe("efficientnet_lite0", SIDE)


@pytest.fixture(scope="module")
def weights(network: Any) -> Weights:
    return drawn(network)


def test_a_described_network_holds_no_values(network: Any) -> None:
    assert len(network.trainable_variables) == 100
    assert all(one._value is None for one in network.variables)


def test_it_is_cut_where_the_picture_has_become_small(network: Any) -> None:
    detail, rest = cut(network)
    assert detail.output.shape == (None, SIDE // 8, SIDE // 8, 40)
    held = {one.path for one in detail.variables} | {one.path for one in rest.variables}
    assert held == {one.path for one in network.variables}
    assert not {one.path for one in detail.variables} & {one.path for one in rest.variables}
    assert len(cut(tiny(SIDE))) == 1, f"without a layer {DETAIL} it stays whole"


def test_the_program_gives_what_the_network_gives(network: Any, weights: Weights) -> None:
    program = Program(network, dict(weights), SIDE, 4)
    pixels = some(4)
    logits, maps = plain(network, weights, pixels)
    assert np.ptp(logits) > 1e-2
    assert program.logits(pixels) == pytest.approx(logits, abs=1e-4)
    assert program.maps(pixels) == pytest.approx(maps, abs=1e-3)


@pytest.mark.parametrize("views", [1, 2, 3, 5])
def test_any_number_of_views_can_be_judged(views: int) -> None:
    small = describe("tiny", SIDE)
    given = drawn(small)
    for at_a_time in (1, 2, 5):
        program = Program(small, dict(given), SIDE, at_a_time)
        assert program.logits(some(views)) == pytest.approx(plain(small, given, some(views))[0], abs=1e-4)
        assert program.maps(some(views)).shape == (views, SIDE // 4, SIDE // 4, 16)


def test_a_network_with_values_needs_no_weights_beside_it() -> None:
    filled = tiny(SIDE)
    for one in filled.variables:
        one.assign(np.random.default_rng(4).normal(0, 0.4, one.shape))
    found = np.asarray(compile_forward(filled)(some(3))["logit"])
    assert found == pytest.approx(np.asarray(filled(some(3).astype(np.float32))["logit"]), abs=1e-4)


def test_a_jax_that_lacks_the_options_does_without(monkeypatch: pytest.MonkeyPatch) -> None:
    small = describe("tiny", SIDE)
    with_them = Program(small, drawn(small), SIDE, 2).logits(some(2))
    monkeypatch.setattr(model.program, "OPTIONS", {"xla_cpu_no_such_option": True})
    monkeypatch.setattr(model.program, "options", functools.cache(model.program.options.__wrapped__))
    assert model.program.options() is None
    assert Program(small, drawn(small), SIDE, 2).logits(some(2)) == pytest.approx(with_them, abs=1e-4)


LOADED = """
import logging, sys
from pathlib import Path
import jax
compiled = []
handler = logging.Handler()
handler.emit = lambda record: compiled.append(record.getMessage())
logging.getLogger("jax").addHandler(handler)
jax.config.update("jax_log_compiles", True)
from model.detector import load
from model.registry import Registry
load(Registry(Path(sys.argv[1])).path("champion") if len(sys.argv) > 1 else Registry().path("champion"))
print(*{line.split()[1] for line in compiled if line.startswith("Compiling ")})
print(*sorted({"tensorflow", "torch"} & set(sys.modules)))
status = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
print(*(int(status[name].split()[0]) // 1024 for name in ("RssAnon", "VmHWM")))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_loading_compiles_two_programs_in_little_memory(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED], capture_output=True, text=True, check=True, timeout=240, cwd=Path.cwd()
    )
    compiled, others, memory = done.stdout.splitlines()[-3:]
    assert set(compiled.split()) == {"jit(forward)", "jit(<lambda>)"}, "each program more costs time and memory"
    assert others == ""
    own, peak = (int(figure) for figure in memory.split())
    # Beside its own memory a process maps its libraries, of which Linux counts 160 to 195 MB as it happens to have read them.
    assert own < 370, f"{own} MB"
    assert peak < 700, f"{peak} MB"
