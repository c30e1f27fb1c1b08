"""Thousands of pictures through both chats, round after round: memory, open files, lost and doubled answers.

    uv run --group dev python -m benchmarks.soak                      # 10,000 pictures, the small network of the tests
    uv run --group dev python -m benchmarks.soak --network champion --pictures 500

Discord and Telegram are the loopback servers of the tests, Candid is a process of its own with everything but the network real:
with `--network fake` that is the tests' small one, because what is looked for is what leaks, and it leaks around the network.
"""

import argparse
import asyncio
import tempfile
from pathlib import Path

import numpy as np
from tqdm import tqdm

from tests.peers.discord import World
from tests.peers.telegram import Telegram
from tests.storm import Candid, Storm

WARM = 0.3  # of the rounds, in which caches fill up; the slope is taken from the rest
RESAMPLES = 2000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--pictures", type=int, default=10_000)
    parser.add_argument("--each", type=int, default=100, help="pictures of a round (%(default)s)")
    parser.add_argument("--network", choices=("fake", "champion"), default="fake")
    arguments = parser.parse_args()
    asyncio.run(soak(arguments.pictures, arguments.each, arguments.network))


async def soak(pictures: int, each: int, network: str) -> None:
    memory: list[float] = []
    files: list[int] = []
    lost = doubled = wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        async with World() as discord, Telegram() as telegram:
            storm = Storm(discord, telegram, pictures)
            candid = Candid(Path(folder), discord, telegram, network)
            await candid.start()
            await discord.until(lambda: discord.gateway.online and discord.commands, 60)
            assert candid.process is not None
            for first in tqdm(range(0, pictures, each), unit="round"):
                storm.asked.clear()
                await storm.post(first, min(pictures, first + each))
                outcome = await storm.settled(600)
                doubled += sum(count > 1 for count in outcome.answers.values())
                lost += sum(count == 0 for count in outcome.answers.values())
                wrong += len(outcome.wrong)
                resident, opened = await asyncio.to_thread(look, candid.process.pid)
                memory.append(resident)
                files.append(opened)
            await candid.stop()
    print(f"{pictures} pictures: {lost} lost, {doubled} answered twice, {wrong} wrong answers")
    steady = slice(round(WARM * len(memory)), None)
    slope, low, high = trend(np.array(memory[steady]), each)
    print(
        f"memory {memory[0]:.0f} MB after the first round, {memory[-1]:.0f} MB after the last; most {max(memory):.0f} MB"
    )
    print(f"trend after warming up: {slope:+.2f} MB for 1,000 pictures [{low:+.2f}, {high:+.2f}]")
    print(f"open files {min(files[steady])} to {max(files[steady])}, {files[-1]} at the end")


def look(pid: int) -> tuple[float, int]:
    """Resident megabytes, and open files."""
    status = Path(f"/proc/{pid}/status").read_text()
    resident = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    return resident / 1024, len(list(Path(f"/proc/{pid}/fd").iterdir()))


def trend(memory: "np.ndarray[tuple[int], np.dtype[np.float64]]", each: int) -> tuple[float, float, float]:
    """Megabytes for 1,000 pictures by least squares, with a 95 % interval from resampled rounds."""
    random = np.random.default_rng(0)
    x = np.arange(len(memory)) * each / 1000
    drawn = []
    for _ in range(RESAMPLES):
        rows = random.integers(0, len(memory), len(memory))
        if len(np.unique(rows)) > 1:
            drawn.append(np.polyfit(x[rows], memory[rows], 1)[0])
    low, high = np.quantile(drawn, (0.025, 0.975))
    return float(np.polyfit(x, memory, 1)[0]), float(low), float(high)


if __name__ == "__main__":
    main()
