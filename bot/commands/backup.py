"""`candid backup FILE`: everything that a community would miss, in one archive; consistent while Candid runs.

The archive is a gzipped tar: manifest.json (what made it, and the SHA-256 of every other member), store.sqlite3, versions/
with the champions, and config.toml if a file of settings was named. Never in it: tokens and pictures.
"""

import contextlib
import datetime
import hashlib
import io
import json
import os
import sqlite3
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from bot import __version__
from bot.errors import SettingsError, in_words
from bot.settings import Settings

FORMAT = 1
MANIFEST, STORE, CONFIG, VERSIONS = "manifest.json", "store.sqlite3", "config.toml", "versions"
PARTS = ("weights.npz", "card.json")  # of a version


def backup(settings: Settings, config: Path | None, file: Path) -> int:
    """Writes `file` in one step, readable by its owner only, and prints what is in it."""
    store = Path(settings.store.path)
    refuse_postgres(settings)
    if not store.is_file():
        raise SettingsError(f"[store] path {str(store)!r} does not exist yet: there is nothing to back up.")
    partial = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        with tempfile.TemporaryDirectory(prefix="candid-backup-") as folder:
            copy = Path(folder) / STORE
            copy_database(store, copy)
            members = {STORE: copy, **versions(settings)} | ({CONFIG: config} if config else {})
            with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
                write(out, members)
        partial.replace(file)
    except (OSError, sqlite3.Error) as error:
        partial.unlink(missing_ok=True)
        why = in_words(error) if isinstance(error, OSError) else str(error)
        raise SettingsError(f"No backup was made at {file}: {why}.") from error
    print(f"{file} ({file.stat().st_size / 1e6:.1f} MB) holds {', '.join(sorted(members))}.")
    print("Tokens are not in it; keep your .env or secrets yourself. It names people: keep it as safe as the database.")
    return 0


def refuse_postgres(settings: Settings) -> None:
    if settings.store.url:
        raise SettingsError(
            "DATABASE_URL is set, so the database is on Postgres: use pg_dump and pg_restore, and copy the folder of versions."
        )


def copy_database(source: Path, target: Path) -> None:
    """A consistent copy by SQLite's online backup, while others read and write `source`."""
    uri = f"{source.absolute().as_uri()}?mode=ro"
    with (
        contextlib.closing(sqlite3.connect(uri, uri=True, timeout=30)) as theirs,
        contextlib.closing(sqlite3.connect(target)) as ours,
    ):
        theirs.backup(ours)
        ours.execute("PRAGMA journal_mode = DELETE")  # one file, nothing beside it


def versions(settings: Settings) -> dict[str, Path]:
    """The files of every champion, present and past, and of the version that the settings name; by member name."""
    from model.registry import POINTER, Registry

    registry = Registry(Path(settings.model.directory) if settings.model.directory else None)
    named = [*registry.history(), registry.path(settings.model.version).name]
    found = {f"{VERSIONS}/{POINTER}": registry.directory / POINTER}
    for version in dict.fromkeys(named):
        folder = registry.directory / version
        found |= {f"{VERSIONS}/{version}/{part}": folder / part for part in PARTS if (folder / part).is_file()}
    return found


def write(out: Any, members: dict[str, Path]) -> None:
    manifest = {
        "format": FORMAT,
        "candid": __version__,
        "made": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "sha256": {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in members.items()},
    }
    with tarfile.open(fileobj=out, mode="w:gz", compresslevel=6) as archive:
        text = json.dumps(manifest, indent=1).encode()
        about = tarfile.TarInfo(MANIFEST)
        about.size = len(text)
        archive.addfile(about, io.BytesIO(text))
        for name, path in members.items():
            archive.add(path, name, recursive=False)
