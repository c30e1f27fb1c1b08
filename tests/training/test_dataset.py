from pathlib import Path

import pytest

from tests.training.made import encoded, picture
from training.dataset import fold_of, read_items
from training.recipe import read_recipe


def test_a_folder_without_an_index(tmp_path: Path) -> None:
    for name in ("real/holiday/1.png", "ai/2.jpg", "real/notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(encoded(picture(0, len(name))))
    items = {item.source: item for item in read_items([tmp_path])}
    assert set(items) == {"holiday", "2"}
    assert (items["holiday"].label, items["holiday"].kind, items["holiday"].view) == (0, "photo", "original")
    assert (items["2"].label, items["2"].kind, items["2"].fold) == (1, "ai", fold_of("2"))
    assert items["2"].read() == (tmp_path / "ai" / "2.jpg").read_bytes()


def test_an_index_names_what_it_knows(tmp_path: Path) -> None:
    (tmp_path / "ai").mkdir()
    (tmp_path / "ai" / "x.png").write_bytes(encoded(picture(1, 1)))
    (tmp_path / "index.csv").write_text("file,kind,generator,source,fold,width\nai/x.png,face,FLUX,gallery,3,640\n")
    (item,) = read_items([tmp_path])
    assert (item.kind, item.generator, item.source, item.fold, item.width) == ("face", "FLUX", "gallery", 3, 640)


def test_a_packed_set(tmp_path: Path) -> None:
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    row = {"id": "a", "label": 1, "kind": "ai", "generator": None, "source": "s", "fold": 2, "view": "crop"}
    parquet.write_table(
        arrow.Table.from_pylist([{**row, "original_width": 900.0, "image": b"x"}]), tmp_path / "p.parquet"
    )
    (item,) = read_items([tmp_path / "p.parquet"])
    assert (item.id, item.generator, item.fold, item.view, item.width, item.read()) == ("a", "", 2, "crop", 900, b"x")


def test_a_source_always_falls_into_one_fold() -> None:
    assert [fold_of(name) for name in ("holiday", "2", "")] == [fold_of(name) for name in ("holiday", "2", "")]
    assert {fold_of(str(number)) for number in range(50)} == {0, 1, 2, 3, 4}


def test_recipes_are_read_strictly(tmp_path: Path) -> None:
    assert read_recipe("chat").network == "efficientnet_lite0"
    assert read_recipe("chat", steps=7, fold=None).steps == 7
    with pytest.raises(SystemExit, match="no recipe 'soup'"):
        read_recipe("soup")
    (tmp_path / "odd.toml").write_text('network = "tiny"\nspoon = 1\n')
    with pytest.raises(SystemExit, match="unknown spoon"):
        read_recipe(str(tmp_path / "odd.toml"))
    (tmp_path / "short.toml").write_text('network = "tiny"\n')
    with pytest.raises(SystemExit, match="missing"):
        read_recipe(str(tmp_path / "short.toml"))
