import hashlib
import json
from pathlib import Path

import pytest

from model.card import read_card
from model.program import describe
from model.registry import Registry


def version(folder: Path, name: str, weights: bytes = b"w") -> Path:
    (folder / name).mkdir(parents=True)
    (folder / name / "weights.npz").write_bytes(weights)
    (folder / name / "card.json").write_text(json.dumps({"version": name}))
    (folder / name / "log.csv").write_text("not part of a version")
    return folder / name


def test_versions_are_added_promoted_and_rolled_back(tmp_path: Path) -> None:
    registry = Registry(tmp_path / "versions")
    for name in ("one", "two", "three"):
        assert registry.add(version(tmp_path / "runs", name)) == name
        registry.promote(name)
    assert registry.versions() == ["one", "three", "two"]
    assert registry.history() == ["one", "two", "three"]
    assert registry.path("champion") == registry.path("three")
    assert sorted(file.name for file in registry.path("one").iterdir()) == ["card.json", "weights.npz"]
    assert registry.roll_back() == "two"
    assert registry.champion() == "two"
    registry.promote("one")
    assert registry.history() == ["two", "one"]
    registry.roll_back()
    with pytest.raises(ValueError, match="nothing to roll back to"):
        registry.roll_back()


def test_adding_again_replaces(tmp_path: Path) -> None:
    registry = Registry(tmp_path / "versions")
    registry.add(version(tmp_path / "a", "one", b"old"))
    registry.add(version(tmp_path / "b", "one", b"new"))
    assert (registry.path("one") / "weights.npz").read_bytes() == b"new"
    registry.add(registry.path("one"))  # from where it is already
    assert (registry.path("one") / "weights.npz").read_bytes() == b"new"


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    with pytest.raises(FileNotFoundError, match="names no champion"):
        registry.champion()
    with pytest.raises(FileNotFoundError, match="no version 'x'"):
        registry.promote("x")
    assert not (tmp_path / "champion.json").exists()


def test_the_pointer_is_replaced_in_one_step(tmp_path: Path) -> None:
    registry = Registry(tmp_path / "versions")
    registry.add(version(tmp_path / "runs", "one"))
    registry.promote("one")
    assert [file.name for file in registry.directory.iterdir() if file.is_file()] == ["champion.json"]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"history": []}', '{"history": [1]}', '{"history": 7}'])
def test_a_broken_pointer_is_said_in_a_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "champion.json").write_text(text)
    with pytest.raises(ValueError, match=r"champion\.json is broken \(.+\): copy it again, or promote"):
        Registry(tmp_path).path("champion")


@pytest.mark.parametrize(
    ("text", "says"),
    [("{", "Expecting"), ("[]", "list"), ("{}", "it lacks 'sha256'"), ('{"sha256": "SUM"}', "it lacks 'version'")],
)
def test_a_broken_card_is_said_in_a_sentence(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "weights.npz").write_bytes(b"weights")
    (tmp_path / "card.json").write_text(text.replace("SUM", hashlib.sha256(b"weights").hexdigest()))
    with pytest.raises(ValueError, match=rf"card\.json is no card of a version \(.*{says}.*\): copy the version again"):
        read_card(tmp_path)


def test_a_network_of_a_newer_candid_is_said_in_a_sentence() -> None:
    with pytest.raises(ValueError, match="There is no network 'tomorrow' in this Candid"):
        describe("tomorrow", 96)
