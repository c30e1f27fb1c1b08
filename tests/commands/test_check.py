"""`candid check`: the fields, the order, the exit codes, and the same verdict as in a chat."""

import asyncio
import errno
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bot.commands.check import check
from bot.core import Asker, Checker, Picture
from bot.errors import SettingsError
from bot.settings import Settings
from bot.wording import say
from tests.conftest import FakeDetector, make_picture

FIELDS = ["path", "label", "confidence", "p_ai", "evidence", "model", "milliseconds"]


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    (folder / "deep" / ".hidden").mkdir(parents=True)
    (folder / "b.png").write_bytes(make_picture(220))
    (folder / "a.jpg").write_bytes(make_picture(40, format="JPEG"))
    (folder / "deep" / "c ü.webp").write_bytes(make_picture(128, format="WEBP"))
    (folder / ".DS_Store").write_bytes(b"junk")
    (folder / "deep" / ".hidden" / "x.png").write_bytes(make_picture())
    return folder


def run(settings: Settings, *paths: Path, fake: FakeDetector | None = None, **options: Any) -> int:
    options = {"as_json": True, "heat_map": None} | options
    return check(settings, paths, load=lambda *_: fake or FakeDetector(), **options)  # type: ignore[arg-type]


def test_a_folder_as_json(settings: Settings, pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(settings, pictures) == 0
    out, err = capsys.readouterr()
    rows = [json.loads(line) for line in out.splitlines()]
    assert [list(row) for row in rows] == [FIELDS] * 3
    names = [Path(row["path"]).relative_to(pictures).as_posix() for row in rows]
    assert names == ["a.jpg", "b.png", "deep/c ü.webp"]
    assert [row["label"] for row in rows] == ["real", "ai", "unsure"]
    assert all(row["model"] == "fake-1" and row["evidence"] == [] and row["milliseconds"] >= 0 for row in rows)
    assert all(len(str(row["p_ai"]).partition(".")[2]) >= 4 for row in rows)
    assert "Loading the model" in err


def test_what_the_file_says(settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exif = Image.Exif()
    exif[271], exif[272], exif[305] = "Canon", "Canon EOS R5", "Midjourney"
    exif.get_ifd(0x8769).update({33434: 0.005, 33437: 2.8})
    Image.effect_noise((96, 96), 20).convert("RGB").save(tmp_path / "a.jpg", exif=exif)
    assert run(settings, tmp_path / "a.jpg") == 0
    found = json.loads(capsys.readouterr().out)["evidence"]
    assert [list(finding) for finding in found] == [["kind", "says", "strength"]] * 2
    assert [(finding["kind"], finding["strength"]) for finding in found] == [
        ("generator-tag", "self-declared"),
        ("camera", "hint"),
    ]
    assert run(settings, tmp_path / "a.jpg", as_json=False) == 0
    text = capsys.readouterr().out
    assert all(f"  {finding['says']} ({finding['strength']})\n" in text for finding in found)


def test_a_refusal(settings: Settings, pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (pictures / "notes.txt").write_text("not a picture")
    assert run(settings, pictures / "notes.txt", pictures / "a.jpg") == 2
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert list(rows[0]) == ["path", "refusal"] and "not a picture" in rows[0]["refusal"]
    assert rows[1]["label"] == "real"


def test_a_file_that_is_not_there(settings: Settings, pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (pictures / "notes.txt").write_text("not a picture")
    assert run(settings, pictures / "none.png", pictures) == 1
    first = json.loads(capsys.readouterr().out.splitlines()[0])
    assert first["refusal"] == "This file can't be read: there is no such file or folder."


def test_what_a_folder_holds_beside_files(
    settings: Settings, pictures: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(pictures / "pipe.png")
    (pictures / "loop.png").symlink_to("loop.png")
    (pictures / "locked").mkdir()
    scandir = os.scandir

    def locked(path: Any) -> Any:
        if Path(path).name == "locked":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", locked)
    assert run(settings, pictures) == 1
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    refused = {Path(row["path"]).name: row["refusal"] for row in rows if "refusal" in row}
    assert len(rows) == 5 and refused == {
        "loop.png": "This file can't be read: its links lead in a circle.",
        "locked": "This file can't be read: it is a folder.",
    }


def test_names_that_would_play_with_the_terminal(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a\x1b[2J\nLikely real\udcff.png"
    path.write_bytes(make_picture(220))
    assert run(settings, path, as_json=False) == 0
    assert capsys.readouterr().out.startswith(f"{tmp_path}/a\\x1b[2J\\nLikely real\\udcff.png\n")


def test_what_was_done_to_the_picture_is_said(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frames = [Image.new("RGB", (96, 96), (shade, shade, shade)) for shade in (250, 10)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert run(settings, tmp_path / "a.gif", as_json=False) == 0
    assert f"\n  {say('note.first-frame')}\n" in capsys.readouterr().out


def test_a_large_file_is_not_read(settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (tmp_path / "huge.png").open("wb") as file:
        file.truncate(1 << 40)
    assert run(settings, tmp_path / "huge.png") == 2
    assert "I take at most 20 MB" in json.loads(capsys.readouterr().out)["refusal"]


def test_for_people(settings: Settings, pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (pictures / "notes.txt").write_text("not a picture")
    assert run(settings, pictures, as_json=False) == 2
    text = capsys.readouterr().out
    assert (
        f"{pictures / 'a.jpg'}\n  📷 Likely real: " in text and "Likely AI-generated" in text and "Can't tell" in text
    )
    assert f"{pictures / 'notes.txt'}\n  – This is" in text


def test_more_pictures_than_any_limit(settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = replace(settings.checks, queue=1, per_user_burst=1, per_user_per_minute=0.01, per_chat_burst=1)
    for number in range(40):
        (tmp_path / f"{number:02}.png").write_bytes(make_picture(100, seed=number, side=80))
    fake = FakeDetector()
    assert run(replace(settings, checks=small), *sorted(tmp_path.glob("*.png")), fake=fake) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [Path(row["path"]).stem for row in rows] == [f"{number:02}" for number in range(40)]
    assert sum(fake.passes) == 40 and max(fake.passes) > 1


def test_a_bug_is_an_error_with_an_id(settings: Settings, pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fake = FakeDetector()
    fake.seen = lambda _: 1 // 0
    assert run(settings, pictures / "a.jpg", fake=fake) == 1
    out, err = capsys.readouterr()
    refusal = json.loads(out)["refusal"]
    assert refusal.startswith("A bug in Candid (") and refusal[17:25] in err and "ZeroDivisionError: integer" in err


def test_nothing_to_check(settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    assert run(settings, tmp_path / "empty") == 1
    assert capsys.readouterr().out == ""


def test_no_model(settings: Settings, pictures: Path) -> None:
    wrong = replace(settings, model=replace(settings.model, version="nowhere"))
    with pytest.raises(SettingsError, match="nowhere"):
        run(wrong, pictures)


def test_the_heat_map(settings: Settings, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(settings, pictures / "b.png", heat_map=tmp_path / "heat.png") == 0
    with Image.open(tmp_path / "heat.png") as drawn:
        assert drawn.format == "PNG" and drawn.width == 96 and drawn.height >= 96
    assert "heat.png" in capsys.readouterr().err
    assert run(settings, pictures, heat_map=tmp_path / "more.png") == 1
    assert run(settings, pictures / "b.png", heat_map=tmp_path / "no" / "heat.png") == 1
    assert "can't be written" in capsys.readouterr().err


def test_a_heat_map_goes_over_no_picture(
    settings: Settings, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--heatmap a.jpg b.jpg` names two pictures, and means one of them to be lost."""
    (tmp_path / "a.jpg").write_bytes(b"a picture")
    assert run(settings, pictures / "b.png", heat_map=tmp_path / "a.jpg") == 1
    assert (tmp_path / "a.jpg").read_bytes() == b"a picture"
    assert "name a .png file" in capsys.readouterr().err


def test_a_name_that_is_too_long(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(settings, Path("x" * 300)) == 1
    assert "can't be read" in capsys.readouterr().out


def test_the_bots_own_data_stays_untouched(settings: Settings, pictures: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.iterdir())
    run(settings, pictures)
    assert sorted(tmp_path.iterdir()) == before


async def test_the_same_verdict_as_a_chat(
    settings: Settings, pictures: Path, capsys: pytest.CaptureFixture[str], checker: Checker
) -> None:
    asker = Asker("telegram:chat/-100", "telegram:user/5")
    for name in ("a.jpg", "b.png"):
        expected = await checker.check(Picture((pictures / name).read_bytes()), asker)
        await asyncio.to_thread(run, settings, pictures / name)
        row = json.loads(capsys.readouterr().out)
        assert (row["label"], row["p_ai"]) == (expected.label, round(expected.p_ai, 6))
        assert row["confidence"] == round(expected.confidence, 6)
