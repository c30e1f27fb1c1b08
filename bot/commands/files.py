"""The files behind the paths that a person names: pictures as they are, folders walked."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from bot.core import Picture
from bot.errors import Refusal
from bot.wording import say

MEGABYTE = 1024 * 1024


def walk(paths: Sequence[Path]) -> Iterator[Path]:
    """Every file that is named or lies somewhere in a folder that is named, in order of name, without hidden ones."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        for folder, folders, names in os.walk(path):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            yield from (Path(folder) / name for name in sorted(names) if not name.startswith("."))


def read(path: Path, max_bytes: int) -> Picture:
    """The file as a picture. Raises OSError, and Refusal for one that is too large, before its bytes are in memory."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size > max_bytes:
            sizes = {"megabytes": f"{size / MEGABYTE:.1f}", "most": f"{max_bytes / MEGABYTE:.1f}".removesuffix(".0")}
            raise Refusal("too-many-bytes", say("refusal.too-many-bytes", **sizes))
        return Picture(file.read(max_bytes + 1))
