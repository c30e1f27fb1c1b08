"""What moderators have approved, as a folder that training.prepare takes: real/, ai/ and manifest.csv.

The files are the bytes as they came, called by their hash. A repeated run adds what is new; what was exported before
stays when its lifetime here has ended, and goes when the moderators have changed their minds. Nothing in it names a
person or a server.

`source` is the community, by a hash of its name, and one of 16 parts of it by author: folds are whole sources, so
nobody's pictures are on both sides of a split, and one community alone still has some on each.
"""

import csv
import datetime
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bot.community.review import Reviewed
from bot.community.strongbox import Strongbox, Unreadable
from bot.containers import heif, sniff
from bot.looks import alike
from bot.verdict import Label

MANIFEST = "manifest.csv"
COLUMNS = ("file", "sha256", "label", "kind", "source", "approved", "votes", "looks")
PARTS = 16
KINDS = {Label.AI: "ai", Label.REAL: "community"}  # a kind of its own: the gate counts false accusations of each kind

Row = dict[str, str]


@dataclass(slots=True)
class Exported:
    """How many pictures are new, there already, copies of others, or approved as both labels.

    `lost` are the hashes of those whose file is gone, changed, or encrypted with another key.
    """

    new: int = 0
    known: int = 0
    copies: int = 0
    disputed: int = 0
    lost: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Lesson:
    """A picture with its label: an approved one, or (`reviewed` is None) one of an earlier export."""

    sha256: str
    looks: int
    label: str
    reviewed: Reviewed | None


def export(everything: Iterable[Reviewed], box: Strongbox, folder: Path) -> Exported:
    """Write the approved ones among `everything` into `folder`. Blocks; raises OSError when it can't be written."""
    reviewed = list(everything)
    before = read_manifest(folder)
    result, rows = Exported(), dict[str, Row]()
    for lesson in choose(reviewed, before, result):
        old = before.get(lesson.sha256)
        there = old is not None and old["label"] == lesson.label and (folder / old["file"]).is_file()
        if old is not None and there:
            rows[lesson.sha256] = old
            result.known += 1
        elif lesson.reviewed is not None:
            try:
                data = box.get(lesson.sha256)
            except (FileNotFoundError, Unreadable):
                result.lost.append(lesson.sha256)
                continue
            rows[lesson.sha256] = row_of(lesson.reviewed, data)
            _write(folder / rows[lesson.sha256]["file"], data)
            result.new += 1
    for label in KINDS:
        (folder / label).mkdir(parents=True, exist_ok=True)
    _write_manifest(folder / MANIFEST, rows.values())
    for gone in {row["file"] for row in before.values()} - {row["file"] for row in rows.values()}:
        (folder / gone).unlink(missing_ok=True)
    return result


def choose(reviewed: Sequence[Reviewed], before: dict[str, Row], result: Exported) -> list[_Lesson]:
    """One of each picture: what was exported before, else the first that was approved. None that is approved as both."""
    here = {one.sha256 for one in reviewed}
    lessons = [
        _Lesson(row["sha256"], int(row["looks"], 16), row["label"], None)
        for row in before.values()
        if row["sha256"] not in here
    ]
    lessons += [
        _Lesson(one.sha256, one.looks, one.label.value, one)
        for one in sorted(reviewed, key=lambda one: (one.voted or 0.0, one.sha256, one.server))
        if one.label is not None
    ]
    chosen: list[_Lesson] = []
    disputed: set[str] = set()
    for place, lesson in enumerate(lessons):
        same = [other for other in lessons[:place] if alike(other.looks, lesson.looks)]
        if not same:
            chosen.append(lesson)
        elif any(other.label != lesson.label for other in same):
            disputed |= {lesson.sha256, *(other.sha256 for other in same)}
        else:
            result.copies += 1
    result.disputed = len(disputed)
    return [lesson for lesson in chosen if lesson.sha256 not in disputed]


def row_of(one: Reviewed, data: bytes) -> Row:
    """What the manifest says about an approved picture."""
    assert one.label is not None
    kind = sniff.picture(data) or "bin"
    ending = (heif.flavour(data) if kind == "HEIF" else kind).lower().replace("jpeg", "jpg")
    votes = [f"{one.says_ai} ai", f"{one.says_real} real"] + ["signature ai"] * one.proof
    approved = datetime.datetime.fromtimestamp(one.voted or one.kept, datetime.UTC)
    return {
        "file": f"{one.label.value}/{one.sha256}.{ending}",
        "sha256": one.sha256,
        "label": one.label.value,
        "kind": KINDS[one.label],
        "source": source_of(one),
        "approved": approved.date().isoformat(),
        "votes": ", ".join(votes),
        "looks": f"{one.looks:016x}",
    }


def source_of(one: Reviewed) -> str:
    server = hashlib.sha256(one.server.encode()).hexdigest()[:12]
    part = hashlib.sha256(f"{one.server} {one.author}".encode()).digest()[0] % PARTS
    return f"community:{server}/{part:02d}"


def read_manifest(folder: Path) -> dict[str, Row]:
    """By hash; empty when there is none."""
    if not (folder / MANIFEST).is_file():
        return {}
    with (folder / MANIFEST).open(newline="", encoding="utf-8") as file:
        return {row["sha256"]: row for row in csv.DictReader(file)}


def _write_manifest(path: Path, rows: Iterable[Row]) -> None:
    partial = path.with_suffix(".part")
    with partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(sorted(rows, key=lambda row: row["file"]))
    partial.replace(path)


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all; a run that was stopped here writes it again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    partial.write_bytes(data)
    partial.replace(path)
