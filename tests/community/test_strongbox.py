"""The folder of pictures: whole files only, whoever puts the same picture at the same time."""

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from bot.community.strongbox import Strongbox
from bot.secret import Secret


def test_two_who_put_the_same_picture_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = b"a picture" * 1000
    sha256 = hashlib.sha256(data).hexdigest()
    box = Strongbox(tmp_path / "review", Secret())
    fdopen, inside = os.fdopen, False

    def meet(*arguments: Any) -> Any:
        nonlocal inside
        file = fdopen(*arguments)
        if not inside:
            inside = True
            box.put(sha256, data)  # another thread has come between
        return file

    monkeypatch.setattr(os, "fdopen", meet)
    box.put(sha256, data)
    assert box.get(sha256) == data
    assert [file.name for file in box.folder.iterdir()] == [sha256]
