"""Gather pictures for training from folders, parquet files and web sites into one labelled folder.

    python -m training.collect ~/Pictures/2025 --label real --kind photo --licence own --out data/mine python -m
    training.collect https://example.org/gallery/ --label ai --generator FLUX --contact me@example.org --out data/mine
    python -m training.collect more.parquet --out data/mine

Web sites: robots.txt and its crawl-delay are kept, one request at a time, same site only unless --host names another,
pages that say noai are left alone. Collect only what you may use. Pictures that are too small, broken, or there
already (the same bytes, or the same looks) are left out. --out gets a row for each picture in index.csv, with its
licence and where it came from; it is a data set for training.prepare. The same command, run again, goes on where it
was stopped.
"""

import argparse
import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from training.crawl import Manners, crawl, source_name
from training.dataset import SUFFIXES
from training.shelf import Facts, Limits, Shelf

LABELS = {"real": 0, "ai": 1}


@dataclass(frozen=True, slots=True)
class Found:
    """One picture of a folder or a parquet, not yet read."""

    read: Callable[[], bytes]
    facts: Facts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("origin", nargs="+", help="folders, .parquet files, or addresses of web pages")
    parser.add_argument("--out", type=Path, required=True, help="the folder that gets real/, ai/ and index.csv")
    parser.add_argument(
        "--label", choices=LABELS, help="of all of them; else folders named real and ai, or the column label"
    )
    parser.add_argument(
        "--kind", default="", help="photo, face, product, art, illustration, render, screenshot, scan, ..."
    )
    parser.add_argument("--generator", default="", help="of AI pictures, where it is known")
    parser.add_argument("--source", default="", help="name of the source; by default the folder's, file's or host's")
    parser.add_argument(
        "--licence", default="", help="as stated; of web pages by default what they link as their licence"
    )
    parser.add_argument(
        "--smallest", type=int, default=Limits().smallest, help="pixels of the short side (%(default)s)"
    )
    manners = Manners()
    parser.add_argument("--pages", type=int, default=manners.pages, help="most pages of a site (%(default)s)")
    parser.add_argument(
        "--delay", type=float, default=manners.delay, help="least seconds between requests (%(default)s)"
    )
    parser.add_argument(
        "--host", action="append", default=[], help="another host that pictures and pages may come from"
    )
    parser.add_argument(
        "--contact", default="", help="an address of yours for the user agent, so that sites can ask you"
    )
    arguments = parser.parse_args()
    shelf = Shelf(arguments.out, Limits(smallest=arguments.smallest))
    outcomes: Counter[str] = Counter()
    for origin in arguments.origin:
        outcomes += collect(origin, shelf, arguments)
    said = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common())
    print(f"{len(shelf)} pictures in {arguments.out}; this time: {said or 'nothing new'}")


def collect(origin: str, shelf: Shelf, arguments: argparse.Namespace) -> Counter[str]:
    from tqdm import tqdm

    label = LABELS[arguments.label] if arguments.label else -1
    facts = Facts(label, arguments.kind, arguments.generator, arguments.source, arguments.licence, "")
    if origin.startswith(("http://", "https://")):
        facts = replace(facts, source=facts.source or source_name(origin))
        manners = Manners(
            delay=arguments.delay, pages=arguments.pages, hosts=frozenset(arguments.host), contact=arguments.contact
        )
        with tqdm(total=0, bar_format="{desc}  {elapsed}") as bar:
            return asyncio.run(crawl(origin, shelf, complete(facts, origin), manners, bar.set_description_str))
    path = Path(origin)
    found: Iterable[Found]
    if path.is_dir():
        found = list(in_folder(path, facts))
    elif path.suffix == ".parquet" and path.is_file():
        found = in_parquet(path, facts)
    else:
        raise SystemExit(f"{origin} is no folder, no .parquet file and no address of a web page.")
    outcomes: Counter[str] = Counter()
    for entry in tqdm(found, desc=path.name, unit="picture"):
        if entry.facts.origin not in shelf.origins:
            outcomes[shelf.add(entry.read(), entry.facts)] += 1
    return outcomes


def complete(facts: Facts, origin: str) -> Facts:
    """With a kind. Raises SystemExit with a sentence when nothing says whether the picture is real or AI."""
    if facts.label not in (0, 1):
        raise SystemExit(f"Nothing says whether the pictures of {origin} are real or AI: give --label.")
    return replace(facts, kind=facts.kind or ("ai" if facts.label else "photo"))


def in_folder(folder: Path, facts: Facts) -> Iterator[Found]:
    """The label is given, or that of the nearest folder named real or ai; the source is given, or the file's folder."""
    for file in sorted(folder.rglob("*")):
        if file.suffix.lower() not in SUFFIXES or not file.is_file():
            continue
        label = facts.label
        if label < 0:
            named = [part for part in file.relative_to(folder).parts[:-1] if part in LABELS]
            label = LABELS[named[-1]] if named else -1
        source = facts.source or (file.parent.name if file.parent != folder else folder.resolve().name)
        yield Found(file.read_bytes, complete(replace(facts, label=label, source=source, origin=str(file)), str(file)))


def in_parquet(path: Path, facts: Facts) -> Iterator[Found]:
    """Column `image` (bytes, or a struct with `bytes`), and where there are: label (0 real, 1 AI), kind, generator,
    source, licence. Rows of a packed set that are no whole pictures (column `view`) are left out."""
    import pyarrow.parquet as parquet

    file = parquet.ParquetFile(path)
    if "image" not in file.schema_arrow.names:
        raise SystemExit(f"{path} has no column named image.")
    number = 0
    for batch in file.iter_batches(batch_size=64):
        for row in batch.to_pylist():
            number += 1
            if row.get("view", "whole") in ("whole", "original") and image_of(row):
                yield Found(partial(image_of, row), facts_of(row, facts, path, number))


def image_of(row: dict[str, Any]) -> bytes:
    image = row["image"]
    return (image or {}).get("bytes") or b"" if isinstance(image, dict) or image is None else bytes(image)


def facts_of(row: dict[str, Any], facts: Facts, path: Path, number: int) -> Facts:
    label = facts.label if facts.label >= 0 or row.get("label") is None else int(row["label"])
    found = replace(
        facts,
        label=label,
        kind=facts.kind or row.get("kind") or "",
        generator=facts.generator or row.get("generator") or "",
        source=facts.source or row.get("source") or path.stem,
        licence=facts.licence or row.get("licence") or row.get("license") or "",
        origin=f"{path}#{number}",
    )
    return complete(found, str(path))


if __name__ == "__main__":
    main()
