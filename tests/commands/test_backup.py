"""`candid backup` and `candid restore`: the round trip, while Candid runs and not, and archives that must not be trusted."""

import asyncio
import io
import json
import shutil
import sqlite3
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from bot.commands.backup import backup
from bot.commands.restore import restore
from bot.errors import SettingsError
from bot.settings import Settings
from bot.store import Store
from model.registry import Registry
from tests.commands.candid import candid


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """With weights, and a second champion after the first."""
    versions = Path(settings.model.directory)
    (versions / "fake-1" / "weights.npz").write_bytes(b"first")
    shutil.copytree(versions / "fake-1", versions / "fake-2")
    (versions / "fake-2" / "weights.npz").write_bytes(b"second")
    Registry(versions).promote("fake-2")
    return settings


async def fill(settings: Settings, value: str) -> None:
    store = await Store.open(Path(settings.store.path))
    await store.change_setting("discord:1", "language", value, "discord:user/5")
    await store.close()


async def language(settings: Settings) -> str:
    store = await Store.open(Path(settings.store.path))
    try:
        return await store.setting("discord:1", "language", "")
    finally:
        await store.close()


def elsewhere(settings: Settings, folder: Path) -> Settings:
    return replace(
        settings,
        store=replace(settings.store, path=str(folder / "data" / "candid.sqlite3")),
        model=replace(settings.model, directory=str(folder / "versions")),
    )


def mode(file: Path | str) -> int:
    return Path(file).stat().st_mode & 0o777


async def test_a_new_machine_gets_back_what_the_old_one_had(settings: Settings, tmp_path: Path) -> None:
    await fill(settings, "de")
    config = tmp_path / "my.toml"
    config.write_text("[web]\nport = 9000\n")
    file = tmp_path / "saved.tar.gz"
    assert await asyncio.to_thread(backup, settings, config, file) == 0
    assert mode(file) == 0o600

    new = elsewhere(settings, tmp_path / "new")
    assert await asyncio.to_thread(restore, new, tmp_path / "new.toml", file) == 0
    assert await language(new) == "de"
    registry = Registry(Path(new.model.directory))
    assert registry.history() == ["fake-1", "fake-2"]
    assert (registry.path("champion") / "weights.npz").read_bytes() == b"second"
    assert (tmp_path / "new.toml").read_text() == config.read_text()
    assert mode(new.store.path) == 0o600


async def test_it_is_consistent_while_candid_writes(settings: Settings, tmp_path: Path) -> None:
    store = await Store.open(Path(settings.store.path))
    stop = asyncio.Event()

    async def write() -> int:
        count = 0
        while not stop.is_set():
            count += 1
            await store.change_setting("discord:1", "language", str(count), "somebody")
        return count

    writing = asyncio.create_task(write())
    await asyncio.sleep(0.1)
    file = tmp_path / "saved.tar.gz"
    await asyncio.to_thread(backup, settings, None, file)
    stop.set()
    assert await writing > 1
    await store.close()
    new = elsewhere(settings, tmp_path / "new")
    await asyncio.to_thread(restore, new, None, file)
    with sqlite3.connect(new.store.path) as database:
        rows = [int(json.loads(value)) for (value,) in database.execute("SELECT value FROM settings ORDER BY id")]
    database.close()
    assert rows == list(range(1, len(rows) + 1))


async def test_what_was_there_stays_beside_it(settings: Settings, tmp_path: Path) -> None:
    await fill(settings, "de")
    file = tmp_path / "saved.tar.gz"
    await asyncio.to_thread(backup, settings, None, file)
    await fill(settings, "fr")
    await asyncio.to_thread(restore, settings, None, file)
    assert await language(settings) == "de"
    (aside,) = Path(settings.store.path).parent.glob("*.before-restore-*")
    assert await language(replace(settings, store=replace(settings.store, path=str(aside)))) == "fr"


async def test_a_running_candid_is_not_pulled_from_under(settings: Settings, tmp_path: Path) -> None:
    await fill(settings, "de")
    file = tmp_path / "saved.tar.gz"
    await asyncio.to_thread(backup, settings, None, file)
    store = await Store.open(Path(settings.store.path))
    try:
        await store.change_setting("discord:1", "language", "fr", "somebody")
        with pytest.raises(SettingsError, match="stop Candid first"):
            await asyncio.to_thread(restore, settings, None, file)
        assert await store.setting("discord:1", "language", "") == "fr"
    finally:
        await store.close()


def rewritten(file: Path, change: str) -> None:
    """The archive again, with one thing wrong."""
    with tarfile.open(file) as archive:
        members = [(member, archive.extractfile(member)) for member in archive]
        held = [(member, source.read() if source else b"") for member, source in members]
    with tarfile.open(file, "w:gz") as archive:
        for member, data in held:
            if change == "lost" and member.name == "store.sqlite3":
                continue
            if change == "altered" and member.name.endswith("fake-2/weights.npz"):
                data = data[::-1]
            if change == "newer" and member.name == "manifest.json":
                data = json.dumps({**json.loads(data), "format": 99}).encode()
            if change == "future" and member.name == "store.sqlite3":
                data = data[:60] + (999).to_bytes(4, "big") + data[64:]  # user_version, sqlite.org/fileformat2.html
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        if change in ("outside", "link"):
            odd = tarfile.TarInfo("../evil" if change == "outside" else "config.toml")
            odd.type, odd.linkname = (tarfile.REGTYPE, "") if change == "outside" else (tarfile.SYMTYPE, "/etc/passwd")
            archive.addfile(odd)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("lost", "lacks store.sqlite3"),
        ("altered", "is not what was saved"),
        ("newer", "newer"),
        ("future", "is not what was saved"),
        ("outside", "does not belong"),
        ("link", "does not belong"),
    ],
)
async def test_nothing_is_touched_by_an_archive_that_is_wrong(
    settings: Settings, tmp_path: Path, change: str, sentence: str
) -> None:
    await fill(settings, "de")
    file = tmp_path / "saved.tar.gz"
    await asyncio.to_thread(backup, settings, None, file)
    rewritten(file, change)
    new = elsewhere(settings, tmp_path / "new")
    with pytest.raises(SettingsError, match=sentence):
        await asyncio.to_thread(restore, new, None, file)
    assert not (tmp_path / "new").exists() and not (tmp_path / "evil").exists()


@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.95])
async def test_a_cut_archive_is_said(settings: Settings, tmp_path: Path, share: float) -> None:
    await fill(settings, "de")
    file = tmp_path / "saved.tar.gz"
    await asyncio.to_thread(backup, settings, None, file)
    whole = file.read_bytes()
    file.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(SettingsError, match="no whole backup"):
        await asyncio.to_thread(restore, settings, None, file)
    assert await language(settings) == "de"


async def test_by_command(settings: Settings, tmp_path: Path) -> None:
    environ = {
        "CANDID_STORE__PATH": str(tmp_path / "data" / "candid.sqlite3"),
        "CANDID_MODEL__DIRECTORY": settings.model.directory,
    }
    none_yet = await candid("backup", "saved.tar.gz", cwd=tmp_path, **environ)
    assert none_yet.code == 1 and "does not exist yet" in none_yet.err and not none_yet.err.count("Traceback")
    elsewhere = await candid("backup", "saved.tar.gz", cwd=tmp_path, DATABASE_URL="postgresql://host/name", **environ)
    assert elsewhere.code == 1 and "pg_dump" in elsewhere.err
    await fill(settings, "de")
    saved = await candid("backup", "saved.tar.gz", cwd=tmp_path, **environ)
    assert saved.code == 0 and "versions/fake-2/weights.npz" in saved.out
    lacking = await candid("restore", "other.tar.gz", cwd=tmp_path, **environ)
    assert lacking.code == 1 and "There is no file other.tar.gz" in lacking.err
    restored = await candid("restore", "saved.tar.gz", cwd=tmp_path, **environ)
    assert restored.code == 0 and "The champion is fake-2." in restored.out
