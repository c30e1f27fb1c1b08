"""Memory and start of whole processes: `candid` from its start through a stream of pictures, and `candid check`.

    uv run python -m benchmarks.memory
    uv run python -m benchmarks.memory --beside ../another-checkout     # in turns with it, and as ratios to it

Resident memory as Linux counts it, mapped files included. "cold" starts without compiled code, "warm" finds it kept by
the start before.
"""

import argparse
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.verdict import photograph

READY_SECONDS = 300.0
Figures = dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--beside", type=Path, help="another checkout of Candid, run by the same Python")
    parser.add_argument("--pictures", type=int, default=60, help="of one megapixel (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    roots = [Path(__file__).parents[1], *([arguments.beside.resolve()] if arguments.beside else [])]
    found: dict[Path, dict[str, list[float]]] = {root: defaultdict(list) for root in roots}
    with tempfile.TemporaryDirectory() as folder:
        pictures = Path(folder) / "pictures"
        pictures.mkdir()
        for seed in range(arguments.pictures):
            (pictures / f"{seed:03}.jpg").write_bytes(photograph(seed))
        for turn in range(arguments.rounds):
            for root in roots:
                for name, value in figures(root, pictures, Path(folder) / f"{turn}-{roots.index(root)}").items():
                    found[root][name].append(value)
    print(f"{arguments.pictures} pictures, median of {arguments.rounds} rounds")
    for name, values in found[roots[0]].items():
        line = f"{name:34} {statistics.median(values):7.1f}"
        if len(roots) > 1:
            other = statistics.median(found[roots[1]][name])
            line += f"   beside {other:7.1f}   ratio {statistics.median(values) / other:5.2f}"
        print(line)


def figures(root: Path, pictures: Path, home: Path) -> Figures:
    home.mkdir()
    files = sorted(pictures.iterdir())
    found: Figures = {}
    for kind in ("cold", "warm"):
        with candid(root, home) as (process, url, seconds):
            found[f"candid {kind}: seconds to ready"] = seconds
            found[f"candid {kind}: MB once ready"] = memory(process.pid, "VmRSS")
            for file in files:
                send(url, file.read_bytes())
            found[f"candid {kind}: MB after pictures"] = memory(process.pid, "VmRSS")
            found[f"candid {kind}: MB at most"] = memory(process.pid, "VmHWM")
    # After `candid`, so that it finds compiled code, as it does from its second use on.
    peak, checked = 0.0, start(root, home, 0, "check", *map(str, files))
    while checked.poll() is None:
        peak = max(peak, memory(checked.pid, "VmHWM"))
        time.sleep(0.02)
    if checked.returncode:
        raise SystemExit(f"candid check ended with {checked.returncode} in {root}")
    found["candid check: MB at most"] = peak
    return found


@contextmanager
def candid(root: Path, home: Path) -> Iterator[tuple["subprocess.Popen[bytes]", str, float]]:
    """A running one, its address, and how long it took until it was ready."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    began = time.monotonic()
    process = start(root, home, port)
    url = f"http://127.0.0.1:{port}"
    try:
        while not is_ready(url):
            if process.poll() is not None or time.monotonic() - began > READY_SECONDS:
                raise SystemExit(f"candid isn't ready in {root}")
            time.sleep(0.05)
        yield process, url, time.monotonic() - began
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def start(root: Path, home: Path, port: int, *arguments: str) -> "subprocess.Popen[bytes]":
    environment = {
        **{
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("CANDID_", "DISCORD_", "TELEGRAM_"))
        },
        "PYTHONPATH": str(root),
        "CANDID_STORE__PATH": str(home / "candid.sqlite3"),
        "CANDID_WEB__PORT": str(port),
        "CANDID_LOG__LEVEL": "warning",
    }
    for whose in ("USER", "CHAT"):
        environment[f"CANDID_CHECKS__PER_{whose}_BURST"] = "1000000"
    return subprocess.Popen(
        [sys.executable, "-m", "bot", *arguments], cwd=root, env=environment, stdout=subprocess.DEVNULL
    )


def is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return False


def send(url: str, data: bytes) -> None:
    with urllib.request.urlopen(f"{url}/api/check", data, timeout=120) as answer:
        answer.read()


def memory(pid: int, which: str) -> float:
    """In megabytes; 0 for a process that has just ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(which)), 0.0)


if __name__ == "__main__":
    main()
