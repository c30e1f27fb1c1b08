"""The files behind the paths that a person names: pictures as they are, folders walked."""

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from bot.core import Picture
from bot.intake import too_many_bytes


def walk(paths: Sequence[Path]) -> Iterator[Path]:
    """Every file that is named or lies somewhere in a folder that is named, in order of name, without hidden ones.

    What a folder holds beside files (pipes, sockets, devices) is passed by: reading a pipe that nobody writes never ends.
    """
    for path in paths:
        if os.path.isdir(path):  # noqa: PTH112 - Path.is_dir raises for a name that is too long
            yield from _inside(path)
        else:
            yield path


def _inside(top: Path) -> Iterator[Path]:
    closed: list[str] = []
    for folder, folders, names in os.walk(top, onerror=lambda error: closed.append(error.filename)):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (
            Path(folder, name) for name in sorted(names) if not name.startswith(".") and _readable(folder, name)
        )
    yield from map(Path, closed)  # whoever reads them says why that can't be


def _readable(folder: str, name: str) -> bool:
    """False for what is neither a file nor a link that leads nowhere, of which whoever reads it says so."""
    try:
        return stat.S_ISREG(Path(folder, name).stat().st_mode)
    except OSError:
        return True


def read(path: Path, max_bytes: int) -> Picture:
    """The file as a picture. Raises OSError, and Refusal for one that is too large, before its bytes are in memory."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size > max_bytes:
            raise too_many_bytes(size, max_bytes)
        return Picture(file.read(max_bytes + 1))
