"""The network's raw answers for held-out pictures at every delivery tier, kept on disk: calibration then takes seconds.

    python -m training.scores --version runs/chat --data candid-wild.parquet data/more --fold 0 --side 192 --views 8

One folder below --cache for each network, side and number of views (and code that cuts them). A picture that is in it
is not scored again, whichever data set, subset or tier brings it, so an interrupted run goes on where it was.
"""

import argparse
import hashlib
import inspect
import json
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.checkpoints import Checkpoint, open_checkpoint
from training.forward import Scored, build_composition, build_forward, judge
from training.pictures import Picture, read_pictures
from training.tiers import TIERS
from training.tierviews import KINDS, views_of

CACHE = Path("data/scores")
CHUNK = 150  # pictures between two writes to the cache
THREADS = 2


@dataclass(frozen=True)
class Scores:
    """What a version says about n pictures at t tiers: `logits` float32 (n, t, views), NaN where there is no view, and
    `kinds` int8 of the same shape (0 none, 1 overview, 2 native, 3 composition). The facts are arrays of length n."""

    id: NDArray[np.str_]
    label: NDArray[np.int8]
    kind: NDArray[np.str_]
    generator: NDArray[np.str_]
    source: NDArray[np.str_]
    complete: NDArray[np.bool_]
    tiers: tuple[str, ...]
    logits: NDArray[np.float32]
    kinds: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.id)

    def means(self) -> NDArray[np.float64]:
        """Mean logits by kind, (3, n, tiers), as model.calibration.mean_by_kind takes them; NaN where there is no view."""
        means = []
        for kind in (1, 2, 3):
            chosen = self.kinds == kind
            total = np.where(chosen, np.nan_to_num(self.logits), 0).sum(axis=2, dtype=np.float64)
            means.append(np.where(chosen.any(axis=2), total / np.maximum(chosen.sum(axis=2), 1), np.nan))
        overview, native, composition = means
        overview, native = np.where(np.isnan(overview), native, overview), np.where(np.isnan(native), overview, native)
        return np.stack([overview, native, np.where(np.isnan(overview), np.nan, np.nan_to_num(composition))])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    add_arguments(parser)
    arguments = parser.parse_args()
    scores = score_arguments(open_checkpoint(arguments.version), arguments)
    print(f"{len(scores)} pictures at {', '.join(scores.tiers)} are in {arguments.cache}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What every script that scores pictures takes."""
    parser.add_argument("--version", required=True, help="`champion`, a version's name, or the folder of a run")
    parser.add_argument(
        "--data", type=Path, nargs="+", required=True, help="packed parquet files, or folders with real/ and ai/"
    )
    parser.add_argument(
        "--fold", type=int, help="whose sources to measure on: by default those held out in training; -1 for all"
    )
    parser.add_argument("--tiers", nargs="+", choices=TIERS, default=list(TIERS))
    parser.add_argument(
        "--views", type=int, default=0, help="views of a picture; by default as many as the card says, or 8"
    )
    parser.add_argument(
        "--side", type=int, default=0, help="pixels of a view's side; by default as the card or the recipe says"
    )
    parser.add_argument(
        "--limit", type=int, default=0, help="only about so many pictures, evenly over labels and sources"
    )
    parser.add_argument(
        "--cache", type=Path, default=CACHE, help="folder for the network's answers (default: %(default)s)"
    )


def score_arguments(checkpoint: Checkpoint, arguments: argparse.Namespace) -> Scores:
    fold = checkpoint.fold if arguments.fold is None else arguments.fold
    pictures = read_pictures(arguments.data, None if fold < 0 else fold, arguments.limit)
    views, side = arguments.views or checkpoint.views, arguments.side or checkpoint.side
    return score(checkpoint, pictures, arguments.tiers, views, side, arguments.cache)


def score(
    checkpoint: Checkpoint,
    pictures: Sequence[Picture],
    tiers: Sequence[str],
    views: int,
    side: int,
    cache: Path = CACHE,
) -> Scores:
    """Score what the cache lacks, then read all of it from there. Pictures that can't be decoded are left out."""
    folder = cache_folder(cache, checkpoint, views, side)
    known = read_cache(folder)
    todo = [
        (picture, missing) for picture in pictures if (missing := [t for t in tiers if (picture.key, t) not in known])
    ]
    if todo:
        fill_cache(checkpoint, todo, views, side, folder)
        known = read_cache(folder)
    width = views + bool(checkpoint.composition)
    empty = (np.full(width, np.nan, np.float32), np.zeros(width, np.int8))
    rows = [[known.get((picture.key, tier), empty) for tier in tiers] for picture in pictures]
    kept = [place for place, row in enumerate(rows) if any(kinds.any() for _, kinds in row)]
    facts = [pictures[place] for place in kept]
    return Scores(
        id=np.array([picture.id for picture in facts]),
        label=np.array([picture.label for picture in facts], np.int8),
        kind=np.array([picture.kind for picture in facts]),
        generator=np.array([picture.generator for picture in facts]),
        source=np.array([picture.source for picture in facts]),
        complete=np.array([picture.complete for picture in facts], bool),
        tiers=tuple(tiers),
        logits=np.stack([np.stack([logits for logits, _ in rows[place]]) for place in kept]),
        kinds=np.stack([np.stack([kinds for _, kinds in rows[place]]) for place in kept]),
    )


def cache_folder(cache: Path, checkpoint: Checkpoint, views: int, side: int) -> Path:
    import model.views
    import training.tiers
    import training.tierviews

    code = "".join(inspect.getsource(module) for module in (model.views, training.tiers, training.tierviews))
    facts = {"weights": checkpoint.sha256, "network": checkpoint.network, "views": views, "side": side}
    if checkpoint.composition:
        facts["composition"] = checkpoint.composition
    key = hashlib.sha256((json.dumps(facts) + code).encode()).hexdigest()[:16]
    folder = cache / key
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "facts.json").write_text(json.dumps({"version": checkpoint.name, **facts}, indent=1))
    return folder


Row = tuple[NDArray[np.float32], NDArray[np.int8]]


def read_cache(folder: Path) -> dict[tuple[str, str], Row]:
    known: dict[tuple[str, str], Row] = {}
    for file in sorted(folder.glob("*.npz")):
        with np.load(file, allow_pickle=False) as chunk:
            keys, tiers, logits, kinds = (chunk[name] for name in ("key", "tier", "logits", "kinds"))
        known.update({(str(keys[i]), str(tiers[i])): (logits[i], kinds[i]) for i in range(len(keys))})
    return known


def fill_cache(
    checkpoint: Checkpoint, todo: Sequence[tuple[Picture, list[str]]], views: int, side: int, folder: Path
) -> None:
    from tqdm import tqdm

    forward = build_forward(checkpoint, side)
    compose = build_composition(checkpoint)
    bar = tqdm(total=len(todo), desc=f"{checkpoint.name} at {side} px, {views} views", unit="picture")
    chunk: list[Scored] = []
    lost = 0

    def work(job: tuple[Picture, list[str]]) -> list[Scored]:
        entries = views_of(*job, views, side, checkpoint.composition_side)
        return [judge(entry, forward, compose) for entry in entries]

    for number, found in enumerate(in_threads(work, todo), 1):
        lost += not found
        chunk += found
        bar.update()
        if number % CHUNK == 0 or number == len(todo):
            write_chunk(folder, chunk, views + (compose is not None))
            chunk = []
    bar.close()
    if lost:
        print(f"{lost} pictures could not be read and were left out")


def in_threads(work: Callable[[Any], list[Scored]], jobs: Iterable[Any]) -> Iterator[list[Scored]]:
    """The results in order, a few jobs ahead of what is asked for: whole data sets don't fit into memory."""
    with ThreadPoolExecutor(THREADS) as pool:
        ahead: deque[Future[list[Scored]]] = deque()
        for job in jobs:
            ahead.append(pool.submit(work, job))
            if len(ahead) > 4 * THREADS:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


def write_chunk(folder: Path, chunk: Sequence[Scored], views: int) -> None:
    if not chunk:
        return
    logits = np.full((len(chunk), views), np.nan, np.float32)
    kinds = np.zeros((len(chunk), views), np.int8)
    for row, (entry, answers) in enumerate(chunk):
        logits[row, : len(answers)] = answers
        kinds[row, : len(answers)] = [KINDS.index(kind) for kind in entry.kinds]
    keys, tiers = np.array([entry.key for entry, _ in chunk]), np.array([entry.tier for entry, _ in chunk])
    name = f"{len(list(folder.glob('*.npz'))):05d}-{os.getpid()}"
    partial = folder / f"{name}.part"
    with partial.open("wb") as file:
        np.savez(file, key=keys, tier=tiers, logits=logits, kinds=kinds)
    partial.rename(folder / f"{name}.npz")  # only a whole chunk has its final name


if __name__ == "__main__":
    main()
