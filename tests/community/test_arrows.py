"""The community's package knows no platform: adapters use it, never the other way round."""

import ast
from pathlib import Path

import bot.community

FOLDER = Path(bot.community.__file__).parent


def test_it_imports_no_adapter_and_no_library_of_a_platform() -> None:
    files = sorted(FOLDER.glob("*.py"))
    assert len(files) > 5
    for file in files:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [one.name for one in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or "", *(f"{node.module}.{one.name}" for one in node.names)]
            for name in names:
                assert name.split(".")[0] not in ("discord", "telegram", "keras", "jax"), (file.name, name)
                assert not name.startswith(("bot.adapters", "bot.app", "bot.commands")), (file.name, name)
