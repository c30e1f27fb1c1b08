"""The `candid` command. What a command needs is imported when it runs, so that --help answers at once."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from bot import __version__
from bot.errors import SettingsError
from bot.settings import env_file, load_settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    asked = _parser().parse_args(arguments)
    path: Path | None = asked.config
    try:
        settings = load_settings(path)
        if asked.command == "check":
            from bot.commands.check import check

            return check(settings, asked.paths, as_json=asked.json, heat_map=asked.heatmap)
        if asked.command == "setup":
            from bot.commands.setup import setup

            return setup(settings, asked.platform, asked.token, env_file(path))
        if asked.command == "doctor":
            from bot.commands.doctor import doctor

            return doctor(settings, env_file(path))
        from bot.commands.run import run

        return run(settings)
    except SettingsError as error:
        print(f"candid: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="candid",
        description="Says whether a picture is likely AI-generated: on Discord, Telegram, a web page and here. "
        "Without a command it runs everything that is configured.",
    )
    parser.add_argument("--version", action="version", version=f"Candid {__version__}")
    _add_config(parser, None)
    commands = parser.add_subparsers(dest="command", metavar="command")

    check = commands.add_parser("check", help="a verdict for each picture", description="A verdict for each picture.")
    check.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a picture, or a folder to walk")
    check.add_argument("--json", action="store_true", help="one JSON object a line")
    check.add_argument(
        "--heatmap", type=Path, metavar="OUT.png", help="for one picture: where in it the score comes from"
    )
    check.epilog = "Exit code: 0 when all were judged, 2 when one was refused, 1 when something could not be read."

    setup = commands.add_parser(
        "setup",
        help="connect Discord or Telegram",
        description="Checks a token, says which switches are missing, writes it into .env, prints the invite link.",
    )
    setup.add_argument("platform", nargs="?", choices=("discord", "telegram"))
    setup.add_argument("--token", help="the token; better leave it out and be asked, or give it on standard input")

    doctor = commands.add_parser(
        "doctor",
        help="what works, and what is missing",
        description="Says what is configured, reachable and permitted. Exit code 1 when something of it doesn't work.",
    )
    for command in (check, setup, doctor):
        _add_config(command, argparse.SUPPRESS)
    return parser


def _add_config(parser: argparse.ArgumentParser, default: object) -> None:
    parser.add_argument(
        "--config", type=Path, metavar="FILE", default=default, help="settings that differ from the defaults, as TOML"
    )


if __name__ == "__main__":
    sys.exit(main())
