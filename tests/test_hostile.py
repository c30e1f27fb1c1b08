"""Thousands of bad inputs, decoded one after another with little memory: a picture or a sentence, nothing else."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="measures memory the Linux way")
def test_bad_inputs_cost_little_and_break_nothing() -> None:
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "error", "-m", "tests.hostile"]
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240, check=False)
    assert run.returncode == 0, run.stderr[-3000:]
    report = json.loads(run.stdout)
    assert report["faults"] == []
    assert report["inputs"] >= 2000
    # Every way out is used, so the corpus really reaches the decoders.
    expected = {"decoded", "truncated", "damaged", "unknown", "too-many-pixels", "too-small", "unsupported", "video"}
    assert expected <= set(report["outcomes"])
    assert set(report["outcomes"]) & {"something else", "out-of-memory"} == set(), report
    assert report["slowest"][0] < 10, report  # seconds of processor time; the limit on decoding is 3
