"""`candid doctor`: what works, what is missing, and the exit code."""

import json
from pathlib import Path

import pytest

from tests.accounts.portal import Portal
from tests.commands.candid import candid
from tests.peers.discord import World
from tests.peers.telegram import Telegram


@pytest.fixture
def versions(tmp_path: Path) -> str:
    """A folder with one version that only its card describes; doctor reads no more."""
    folder = tmp_path / "versions" / "paper"
    folder.mkdir(parents=True)
    (folder / "weights.npz").write_bytes(b"weights")
    card = {
        "version": "paper",
        "network": "none",
        "side": 160,
        "views": 8,
        "calibration": {},
        "bands": {"real": 0.2, "ai": 0.8},
        "sha256": "9cc4d2a49d5b1c9b4d4e1a2c8bd4a0f8e1ff0e7f6e0d4e5bb50fe3d2d0f0c0aa",
    }
    (folder / "card.json").write_text(json.dumps(card))
    (tmp_path / "versions" / "champion.json").write_text('{"history": ["paper"]}')
    return str(tmp_path / "versions")


def lines(out: str, topic: str) -> str:
    return "\n".join(line for line in out.splitlines() if line[7:].startswith(topic))


async def test_nothing_configured(tmp_path: Path) -> None:
    ended = await candid("doctor", cwd=tmp_path, CANDID_WEB__PORT="0")
    assert lines(ended.out, "settings").startswith("ok")
    assert lines(ended.out, "data").startswith("ok")
    assert lines(ended.out, "discord") == "note   discord   Not connected. Get it with: candid setup discord"
    assert lines(ended.out, "telegram") == "note   telegram  Not connected. Get it with: candid setup telegram"
    assert not (tmp_path / "data").exists()


async def test_places_where_nothing_can_be_kept(tmp_path: Path) -> None:
    (tmp_path / "cat.jpg").write_bytes(b"\xff\xd8 a picture")
    for path in (str(tmp_path), str(tmp_path / "cat.jpg")):
        ended = await candid("doctor", cwd=tmp_path, CANDID_WEB__PORT="0", CANDID_STORE__PATH=path)
        assert ended.code == 1 and f"{path} is no database" in lines(ended.out, "data")
    ended = await candid("doctor", cwd=tmp_path, CANDID_WEB__PORT="0", CANDID_MODEL__CACHE_DIRECTORY="/proc/candid")
    assert ended.code == 1 and "/proc/candid can't be written" in lines(ended.out, "data")


async def test_everything_configured(tmp_path: Path) -> None:
    async with World() as world, Telegram() as telegram:
        environ = {
            "DISCORD_TOKEN": world.token,
            "CANDID_DISCORD__API": world.api,
            "TELEGRAM_TOKEN": telegram.token,
            "CANDID_TELEGRAM__BASE_URL": telegram.url,
            "CANDID_WEB__PORT": "0",
        }
        ended = await candid("doctor", cwd=tmp_path, **environ)
        assert "belongs to" in lines(ended.out, "discord") and "wrong" not in lines(ended.out, "discord")
        assert "belongs to candid_bot" in lines(ended.out, "telegram")
        wanting = await candid("doctor", cwd=tmp_path, CANDID_DISCORD__MESSAGE_CONTENT="true", **environ)
        assert wanting.code == 1 and "Message Content Intent is off" in lines(wanting.out, "discord")
        world.revoked = telegram.revoked = True
        refused = await candid("doctor", cwd=tmp_path, **environ)
        assert refused.code == 1
        assert lines(refused.out, "discord").startswith("wrong") and "refuses" in lines(refused.out, "discord")
        assert lines(refused.out, "telegram").startswith("wrong") and "refuses" in lines(refused.out, "telegram")
        for one in (ended, wanting, refused):
            assert world.token not in one.out + one.err and telegram.token not in one.out + one.err


async def test_a_model_that_is_not_what_its_card_says(tmp_path: Path, versions: str) -> None:
    ended = await candid("doctor", cwd=tmp_path, CANDID_MODEL__DIRECTORY=versions, CANDID_WEB__PORT="0")
    assert ended.code == 1 and lines(ended.out, "model").startswith("wrong") and "sha256" in lines(ended.out, "model")


async def test_an_unknown_version(tmp_path: Path, versions: str) -> None:
    environ = {"CANDID_MODEL__DIRECTORY": versions, "CANDID_MODEL__VERSION": "nowhere", "CANDID_WEB__PORT": "0"}
    ended = await candid("doctor", cwd=tmp_path, **environ)
    assert ended.code == 1 and "there are: paper" in lines(ended.out, "model")


async def test_the_port(tmp_path: Path) -> None:
    async with Portal() as portal:
        port = portal.url.rpartition(":")[2]
        portal.answers["/healthz"] = (200, {"alive": True})
        ended = await candid("doctor", cwd=tmp_path, CANDID_WEB__PORT=port)
        assert "Candid is running" in lines(ended.out, "web")
        portal.answers["/healthz"] = (503, {"alive": False})
        ended = await candid("doctor", cwd=tmp_path, CANDID_WEB__PORT=port)
        assert ended.code == 1 and "something in it hangs: start it again" in lines(ended.out, "web")
        portal.answers["/healthz"] = (200, "<html>something else</html>")
        ended = await candid("doctor", cwd=tmp_path, CANDID_WEB__PORT=port)
        assert ended.code == 1 and "Another program" in lines(ended.out, "web")


async def test_a_web_token_that_can_be_guessed(tmp_path: Path) -> None:
    for token, short in (("hunter2", True), ("a-token-of-some-length-1234", False)):
        ended = await candid("doctor", cwd=tmp_path, CANDID_WEB__PORT="0", WEB_TOKEN=token)
        assert ended.code == 0 and ("WEB_TOKEN is so short" in lines(ended.out, "web")) is short
        assert token not in ended.out + ended.err


async def test_readable_tokens(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("# nothing yet\n")
    (tmp_path / ".env").chmod(0o644)
    assert "chmod 600" in lines((await candid("doctor", cwd=tmp_path, CANDID_WEB__PORT="0")).out, "data")
