"""Runs the `candid` command as a person does: another process, in a folder of its own, with a clean environment."""

import asyncio
import os
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


async def candid(*arguments: str, cwd: Path, stdin: str = "", **environ: str) -> Ended:
    """Run it to its end."""
    process = await start(*arguments, cwd=cwd, **environ)
    out, err = await asyncio.wait_for(process.communicate(stdin.encode()), 120)
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), err.decode())


async def start(*arguments: str, cwd: Path, **environ: str) -> asyncio.subprocess.Process:
    """Start it; the caller ends it."""
    kept = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", *arguments),
        cwd=cwd,
        env=kept | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"} | environ,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
