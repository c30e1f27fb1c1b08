import csv
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from tests.training.loopback_site import Gallery, gallery
from tests.training.made import encoded, picture
from training import collect
from training.crawl import Manners, crawl
from training.dataset import read_items
from training.shelf import Facts, Limits, Shelf

FACTS = Facts(0, "photo", "", "gallery", "", "")
QUICK = Manners(delay=0, contact="mailto:me@example.org")


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "index.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


async def walk(site: Gallery, folder: Path, manners: Manners = QUICK) -> Counter[str]:
    return await crawl(site.address, Shelf(folder), FACTS, manners, lambda words: None)


async def test_a_site_is_gathered_as_it_allows(tmp_path: Path) -> None:
    async with gallery() as site:
        outcomes = await walk(site, tmp_path)
    kept = {row["origin"].removeprefix(site.address) for row in rows(tmp_path)}
    assert kept == {"one.png", "two.jpg", "three.webp", "five.png"}
    assert outcomes == {
        "kept": 4, "known": 1, "alike": 1, "small": 1, "broken": 1, "status 404": 1, "another site": 1,
        "forbidden by robots.txt": 1, "page: forbidden by robots.txt": 1, "page: says no to AI": 1, "says no to AI": 1,
    }  # fmt: skip
    assert not {"/private/page.html", "/private/secret.png", "/never.html", "/thumbnail.png", "/four.png"} & set(
        site.paths
    )
    assert site.paths[0] == "/robots.txt"
    assert site.paths.count("/robots.txt") == 1


async def test_every_picture_has_a_row_with_its_origin_and_licence(tmp_path: Path) -> None:
    async with gallery() as site:
        await walk(site, tmp_path)
    first, *_, last = rows(tmp_path)
    assert first["page"] == site.address
    assert first["licence"] == f"{site.address}licence.html"
    assert last["licence"] == ""
    assert (first["width"], first["height"], first["format"], first["label"]) == ("300", "260", "PNG", "0")
    items = {item.id: item for item in read_items([tmp_path])}
    assert len(items) == 4
    assert {item.source for item in items.values()} == {"gallery"}


async def test_the_user_agent_says_what_it_is_and_whom_to_ask(tmp_path: Path) -> None:
    async with gallery() as site:
        await walk(site, tmp_path)
    agents = {agent for _, _, agent in site.asked}
    assert len(agents) == 1
    assert agents.pop() == "CandidCollect/1 (collects pictures to train an AI-picture detector; mailto:me@example.org)"


async def test_the_crawl_delay_of_robots_txt_is_kept(tmp_path: Path) -> None:
    async with gallery(delay=1) as site:
        await crawl(site.address, Shelf(tmp_path), FACTS, Manners(delay=0, pages=1), lambda words: None)
    times = [moment for _, moment, _ in site.asked]
    assert len(times) == 3
    assert all(later - earlier >= 0.99 for earlier, later in pairwise(times))


async def test_a_site_whose_robots_txt_fails_is_left_alone(tmp_path: Path) -> None:
    async with gallery() as site:
        site.robots_status = 503
        outcomes = await walk(site, tmp_path)
    assert outcomes == {"page: robots.txt could not be read": 1}
    assert site.paths == ["/robots.txt"]


async def test_a_killed_run_goes_on_where_it_was(tmp_path: Path) -> None:
    class KilledError(BaseException):
        pass

    def kill(words: str) -> None:
        if "refuses.html" in words:
            raise KilledError

    async with gallery() as site:
        with pytest.raises(KilledError):
            await crawl(site.address, Shelf(tmp_path), FACTS, QUICK, kill)
        before = set(site.paths)
        site.asked.clear()
        await walk(site, tmp_path)
        assert len(rows(tmp_path)) == 4
        assert set(site.paths) & before == {"/robots.txt"}
        site.asked.clear()
        assert not await walk(site, tmp_path)
        assert site.paths == []


async def test_pages_end_where_told(tmp_path: Path) -> None:
    async with gallery() as site:
        await walk(site, tmp_path, Manners(delay=0, pages=1))
    assert "/gallery.html" not in site.paths


async def test_a_reply_that_is_too_large_is_cut_off(tmp_path: Path) -> None:
    async with gallery() as site:
        outcomes = await crawl(
            site.address, Shelf(tmp_path, Limits(bytes=20_000)), FACTS, Manners(delay=0, pages=1), lambda words: None
        )
    assert outcomes == {"more than 20000 bytes": 1}


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["collect", *arguments])
    collect.main()


def test_a_folder_with_real_and_ai(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for label, name in enumerate(("real", "ai")):
        (tmp_path / "in" / name / "set").mkdir(parents=True)
        (tmp_path / "in" / name / "set" / "a.png").write_bytes(encoded(picture(label, 1, 260, 260)))
    out = tmp_path / "out"
    run(monkeypatch, str(tmp_path / "in"), "--out", str(out), "--licence", "own")
    assert [(row["label"], row["source"], row["licence"]) for row in rows(out)] == [
        ("1", "set", "own"),
        ("0", "set", "own"),
    ]
    assert "2 pictures in" in capsys.readouterr().out
    run(monkeypatch, str(tmp_path / "in"), "--out", str(out))
    assert "nothing new" in capsys.readouterr().out


def test_a_parquet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    made = [encoded(picture(label, label, 260, 260)) for label in (0, 1)]
    table = arrow.table({"image": [{"bytes": data} for data in made], "label": [0, 1], "generator": ["", "FLUX"]})
    parquet.write_table(table, tmp_path / "set.parquet")
    run(monkeypatch, str(tmp_path / "set.parquet"), "--out", str(tmp_path / "out"))
    assert [(row["label"], row["generator"], row["source"]) for row in rows(tmp_path / "out")] == [
        ("0", "", "set"),
        ("1", "FLUX", "set"),
    ]


def test_a_mistake_gets_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "loose.png").write_bytes(encoded(picture(0, 1, 260, 260)))
    with pytest.raises(SystemExit, match="give --label"):
        run(monkeypatch, str(tmp_path), "--out", str(tmp_path / "out"))
    with pytest.raises(SystemExit, match="no folder"):
        run(monkeypatch, str(tmp_path / "nowhere"), "--out", str(tmp_path / "out"))
