"""`candid restore FILE`: puts back what `candid backup` saved. Nothing is touched before the whole archive was checked."""

import contextlib
import hashlib
import json
import re
import shutil
import sqlite3
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

from bot.commands.backup import CONFIG, FORMAT, MANIFEST, PARTS, STORE, VERSIONS, copy_database, refuse_postgres
from bot.errors import SettingsError
from bot.migrations import MIGRATIONS
from bot.settings import Settings

LARGEST = 4 << 30  # bytes of one member: a database of many million rows
MEMBER = re.compile(
    rf"{re.escape(STORE)}|{re.escape(CONFIG)}|{VERSIONS}/champion\.json|"
    rf"{VERSIONS}/(?!\.)[\w.+-]+/({'|'.join(re.escape(part) for part in PARTS)})"
)


def restore(settings: Settings, config: Path | None, file: Path) -> int:
    """Prints what was put where. Raises SettingsError with a sentence, and then everything is as it was before."""
    store = Path(settings.store.path)
    refuse_postgres(settings)
    with tempfile.TemporaryDirectory(prefix="candid-restore-") as name:
        folder = Path(name)
        manifest = unpack(file, folder)
        check_database(folder / STORE, file)
        refuse_a_running_candid(store)
        try:
            put_versions(settings, folder / VERSIONS)
            put_config(folder / CONFIG, config)
            put_database(folder / STORE, store)
        except (OSError, sqlite3.Error) as error:
            raise SettingsError(f"The backup could not be put back whole: {error}") from error
    print(f"Restored the state of {manifest['made']} (Candid {manifest['candid']}). Start Candid again with: candid")
    return 0


def unpack(file: Path, folder: Path) -> dict[str, Any]:
    """The manifest; every member that it names lies in `folder` and is what was saved. Links and strange names are refused."""
    broken = f"{file} is no whole backup of Candid's"
    try:
        with tarfile.open(file, mode="r:gz") as archive:
            first = archive.next()
            stored = (
                archive.extractfile(first) if first is not None and first.name == MANIFEST and first.isfile() else None
            )
            if stored is None:
                raise SettingsError(f"{broken}: it does not begin with {MANIFEST}.")
            manifest: dict[str, Any] = json.loads(stored.read(1 << 20))
            if manifest["format"] > FORMAT:
                raise SettingsError(
                    f"{file} was made by Candid {manifest['candid']}, which is newer: restore it with that."
                )
            expected: dict[str, str] = dict(manifest["sha256"])
            while (member := archive.next()) is not None:
                source = archive.extractfile(member) if member.isfile() else None
                if source is None or not MEMBER.fullmatch(member.name) or member.size > LARGEST:
                    raise SettingsError(f"{broken}: it has a member {member.name!r} that does not belong there.")
                target = folder / member.name
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("wb") as out:
                    shutil.copyfileobj(source, out)
                if hashlib.sha256(target.read_bytes()).hexdigest() != expected.pop(member.name, ""):
                    raise SettingsError(f"{broken}: {member.name} is not what was saved.")
    except FileNotFoundError as error:
        raise SettingsError(f"There is no file {file}.") from error
    except (OSError, EOFError, tarfile.TarError, ValueError, KeyError, TypeError) as error:
        raise SettingsError(f"{broken} ({error}).") from error
    if expected or not (folder / STORE).is_file():
        raise SettingsError(f"{broken}: it lacks {', '.join(sorted(expected)) or STORE}.")
    return manifest


def check_database(copy: Path, file: Path) -> None:
    try:
        with contextlib.closing(sqlite3.connect(copy)) as database:
            sound = database.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
            schema = database.execute("PRAGMA user_version").fetchone()[0]
    except sqlite3.Error as error:
        raise SettingsError(f"The database in {file} can't be read ({error}).") from error
    if not sound:
        raise SettingsError(f"The database in {file} is damaged; take an older backup.")
    if schema > len(MIGRATIONS):
        raise SettingsError(
            f"The database in {file} has schema {schema}, this Candid knows {len(MIGRATIONS)}: update it."
        )


def refuse_a_running_candid(store: Path) -> None:
    """Leaving write-ahead mode needs the database for oneself: SQLite says whether anybody has it open."""
    if not store.is_file():
        return
    try:
        with contextlib.closing(sqlite3.connect(store, timeout=2)) as database:
            database.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.OperationalError as error:
        raise SettingsError(f"{store} is open in another program ({error}): stop Candid first.") from error
    except sqlite3.DatabaseError:
        print(f"{store} can't be read as a database; it is replaced.")


def put_database(copy: Path, store: Path) -> None:
    """The database that was there stays beside it under another name."""
    store.parent.mkdir(parents=True, exist_ok=True)
    if store.is_file():
        aside = store.with_name(f"{store.name}.before-restore-{time.strftime('%Y%m%d-%H%M%S')}")
        store.replace(aside)
        print(f"The database that was there is now {aside}.")
    partial = store.with_name(f".{store.name}.part")
    partial.touch(mode=0o600)
    copy_database(copy, partial)
    partial.replace(store)


def put_versions(settings: Settings, saved: Path) -> None:
    from model.registry import POINTER, Registry

    registry = Registry(Path(settings.model.directory) if settings.model.directory else None)
    registry.directory.mkdir(parents=True, exist_ok=True)
    for folder in sorted(path for path in saved.glob("*") if path.is_dir()):
        registry.add(folder)
    if (saved / POINTER).is_file():
        for version in json.loads((saved / POINTER).read_text(encoding="utf-8"))["history"]:
            registry.promote(version)
        print(f"The champion is {registry.champion()}.")


def put_config(saved: Path, config: Path | None) -> None:
    """A file of settings that is there is never overwritten: the saved one is put beside it if they differ."""
    if not saved.is_file():
        return
    target = config or Path("config.toml")
    if target.is_file() and target.read_bytes() == saved.read_bytes():
        return
    if target.exists():
        target = target.with_name(f"{target.name}.from-backup")
    shutil.copyfile(saved, target)
    print(f"The file of settings is {target}.")
