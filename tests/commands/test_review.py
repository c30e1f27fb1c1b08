"""`candid review list` and `export`: what moderators approved becomes a data set, once each, and nobody is named."""

import asyncio
import csv
import hashlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from bot.community import Community, Rules
from bot.secret import Secret
from bot.settings import Settings, default_settings
from bot.store import DAY, Store
from bot.verdict import Arrival, Bands, Label, Verdict
from tests.commands.candid import ROOT, Ended, candid
from tests.training.made import encoded, picture
from training.dataset import FOLDS, read_items
from training.tiles import open_tiles

KEY = "a-key-that-nobody-guesses"
RULES = Rules(review=True)
MODERATORS = ("discord:user/901", "discord:user/902")
AI, REAL = True, False


@dataclass
class Host:
    """A Candid that keeps pictures, and its command line."""

    folder: Path
    store: Store
    community: Community

    async def keep(self, data: bytes, *votes: bool, author: int = 1, server: str = "discord:7001") -> str:
        """A reported picture, and what moderators say that it is."""
        sha256 = hashlib.sha256(data).hexdigest()
        verdict = Verdict(Label.AI, 0.9, 0.9, "m", Bands(0.2, 0.8), sha256, Arrival.ORIGINAL, 1, 200, 160)
        person = f"discord:user/{5000 + author}"
        assert await self.community.review.keep(server, data, verdict, person, person, "appeal", RULES)
        for moderator, says_ai in zip(MODERATORS, votes, strict=False):
            await self.community.review.vote(server, sha256, moderator, says_ai)
        return sha256

    async def command(self, *arguments: str, key: str = KEY) -> Ended:
        environ = {"CANDID_REVIEW__DIRECTORY": "kept", "CANDID_STORE__PATH": "candid.sqlite3", "REVIEW_KEY": key}
        return await candid("review", *arguments, cwd=self.folder, **environ)

    def manifest(self) -> dict[str, dict[str, str]]:
        with (self.folder / "out" / "manifest.csv").open(newline="") as file:
            return {row["sha256"]: row for row in csv.DictReader(file)}

    def exported(self) -> dict[str, bytes]:
        """Everything below out/ but the manifest, by its path there."""
        out = self.folder / "out"
        return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*.*") if path.suffix != ".csv"}


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[Host]:
    base = default_settings()
    settings: Settings = replace(base, review=replace(base.review, directory=str(tmp_path / "kept"), key=Secret(KEY)))
    store = await Store.open(tmp_path / "candid.sqlite3")
    yield Host(tmp_path, store, Community.of(store, settings))
    await store.close()


def made(label: int, seed: int, format: str = "PNG") -> bytes:
    return encoded(picture(label, seed), format)


async def test_what_is_approved_comes_out_as_it_came_and_nobody_is_named(host: Host) -> None:
    ai, real, open_ = made(1, 1), made(0, 2, "JPEG"), made(1, 3, "WEBP")
    a, r, o = await host.keep(ai, AI, AI), await host.keep(real, REAL, REAL), await host.keep(open_, AI)
    listed = await host.command("list")
    assert listed.code == 0, listed.err
    lines = listed.out.splitlines()
    assert [(line.split()[0], line.split()[1]) for line in lines[:-1]] == [
        ("ai", a[:16]), ("real", r[:16]), ("open", o[:16]),
    ]  # fmt: skip
    assert "1 ai, 0 real; goes in 90 days" in lines[2]
    assert lines[-1] == "3 pictures are kept, and 2 of them have an approved label."
    ended = await host.command("export", "out")
    assert (ended.code, ended.out) == (0, "out: 2 pictures are new, 0 were there.\n"), ended.err
    assert host.exported() == {f"ai/{a}.png": ai, f"real/{r}.jpg": real}
    rows = host.manifest()
    assert set(rows) == {a, r}
    assert (rows[r]["label"], rows[r]["votes"], rows[r]["file"]) == ("real", "0 ai, 2 real", f"real/{r}.jpg")
    assert rows[r]["approved"].count("-") == 2 and rows[r]["source"].startswith("community:")
    written = (host.folder / "out" / "manifest.csv").read_text() + listed.out
    assert "5001" not in written and "901" not in written
    assert "7001" not in (host.folder / "out" / "manifest.csv").read_text()


@pytest.mark.parametrize(("format", "ending"), [("AVIF", "avif"), ("GIF", "gif"), ("BMP", "bmp"), ("TIFF", "tiff")])
async def test_training_reads_every_kind_of_file_by_its_name(host: Host, format: str, ending: str) -> None:
    one = await host.keep(made(0, 1, format), REAL, REAL)
    await host.command("export", "out")
    assert set(host.exported()) == {f"real/{one}.{ending}"}
    assert [item.source for item in read_items([host.folder / "out"])] == [host.manifest()[one]["source"]]


async def test_a_repeated_run_adds_what_is_new_and_has_no_doubles(host: Host) -> None:
    first, second = await host.keep(made(1, 1), AI, AI), await host.keep(made(0, 2), REAL)
    await host.command("export", "out")
    (host.folder / "out" / "manifest.csv").unlink()  # as if it had been stopped before the end
    await host.community.review.vote("discord:7001", second, MODERATORS[1], REAL)
    await host.command("export", "out")
    assert set(host.manifest()) == {first, second}
    again = await host.command("export", "out")
    assert again.out == "out: 0 pictures are new, 2 were there.\n"
    await host.store.change("UPDATE reviews SET kept = kept - ?", (91 * DAY,))
    await host.community.review.purge()
    third = await host.keep(made(1, 5), AI, AI)
    copy = await host.keep(made(1, 1, "WEBP"), AI, AI)  # of one that was exported and has gone here
    ended = await host.command("export", "out")
    assert "1 pictures are new, 2 were there.\n1 copies of others were left out." in ended.out
    assert set(host.manifest()) == {first, second, third} and copy not in str(host.exported())


async def test_the_same_picture_of_two_servers_comes_out_once_and_not_at_all_in_dispute(host: Host) -> None:
    agreed, disputed = made(1, 1), made(0, 2)
    for server, says_ai in (("discord:7001", REAL), ("discord:7002", AI)):
        a = await host.keep(agreed, AI, AI, server=server)
        d = await host.keep(disputed, says_ai, says_ai, server=server)
    near = await host.keep(made(0, 2, "WEBP"), REAL, REAL, server="discord:7003")
    ended = await host.command("export", "out")
    assert "1 copies of others" in ended.out and "2 pictures were left out: they, or copies of them" in ended.out
    assert set(host.manifest()) == {a} and {a in name for name in host.exported()} == {True}
    assert d not in host.manifest() and near not in host.manifest()


async def test_a_label_that_moderators_take_back_is_taken_out(host: Host) -> None:
    one = await host.keep(made(1, 1), AI, AI)
    other = await host.keep(made(1, 2), AI, AI)
    await host.command("export", "out")
    await host.community.review.vote("discord:7001", one, MODERATORS[0], REAL)
    await host.command("export", "out")
    assert set(host.manifest()) == {other} and set(host.exported()) == {f"ai/{other}.png"}
    await host.community.review.vote("discord:7001", one, MODERATORS[1], REAL)
    await host.command("export", "out")
    assert set(host.exported()) == {f"ai/{other}.png", f"real/{one}.png"}


async def test_another_key_and_lost_files_are_said(host: Host) -> None:
    lost, locked = await host.keep(made(1, 1), AI, AI), await host.keep(made(0, 2), REAL, REAL)
    (host.folder / "kept" / f"{lost}.fernet").unlink()
    ended = await host.command("export", "out", key="another")
    assert ended.code == 1
    assert "2 pictures could not be read" in ended.out and lost[:16] in ended.out and locked[:16] in ended.out
    assert host.exported() == {} and host.manifest() == {}
    assert "1 pictures are new" in (await host.command("export", "out")).out


async def test_without_a_directory_or_a_database_there_is_a_sentence(host: Host) -> None:
    ended = await candid("review", "list", cwd=host.folder)
    assert ended.code == 1 and "[review] directory" in ended.err
    ended = await candid("review", "list", cwd=host.folder, CANDID_REVIEW__DIRECTORY="kept")
    assert ended.code == 1 and "does not exist yet" in ended.err
    (host.folder / "file").write_text("in the way")
    await host.keep(made(1, 1), AI, AI)
    ended = await host.command("export", "file")
    assert ended.code == 1 and ended.err.startswith("candid: file can't be written: ")


async def test_training_takes_it_as_it_is_with_authors_on_one_side_each(host: Host) -> None:
    for number in range(24):  # by eight authors, three pictures each
        label = number % 2 == 0
        await host.keep(made(int(label), number), label, label, author=number // 3)
    assert (await host.command("export", "out")).code == 0
    items = list(read_items([host.folder / "out"]))
    assert len(items) == 24 and {item.label for item in items} == {0, 1}
    assert {item.kind for item in items} == {"ai", "community"}
    assert len({item.source for item in items}) > 3 and len({item.fold for item in items}) > 1
    assert {item.fold for item in items} <= set(range(FOLDS))
    for item in items:
        assert item.source == host.manifest()[Path(str(item.image)).stem]["source"]
    prepare = (sys.executable, "-m", "training.prepare", "--data", "out", "--out", "tiles")
    await asyncio.to_thread(
        subprocess.run, prepare, cwd=host.folder, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    tiles = open_tiles(host.folder / "tiles")
    assert len(tiles) > 24


async def test_doctor_says_whether_they_are_encrypted(host: Host) -> None:
    environ = {"CANDID_WEB__PORT": "0", "CANDID_STORE__PATH": "candid.sqlite3"}
    for directory, key, says in (
        ("", "", "note   review    No picture is kept to learn from."),
        ("kept", KEY, "ok     review    Pictures for review are kept in kept, encrypted with REVIEW_KEY."),
        ("kept", "", "note   review    Pictures for review are kept in kept, not encrypted: set REVIEW_KEY"),
        ("candid.sqlite3", "", "wrong  review    candid.sqlite3 can't be written"),
    ):
        given = environ | {"CANDID_REVIEW__DIRECTORY": directory, "REVIEW_KEY": key}
        ended = await candid("doctor", cwd=host.folder, **given)
        assert says in ended.out, ended.out
