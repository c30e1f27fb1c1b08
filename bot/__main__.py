"""The `candid` command. What a command needs is imported when it runs, so that --help answers at once."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from bot import __version__
from bot.errors import SettingsError
from bot.settings import Settings, env_file, load_settings

Command = Callable[[Settings, argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    asked = _parser().parse_args(arguments)
    run: Command = asked.run
    try:
        return run(load_settings(asked.config), asked)
    except SettingsError as error:
        print(f"candid: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _run(settings: Settings, asked: argparse.Namespace) -> int:
    from bot.commands.run import run

    return run(settings)


def _check(settings: Settings, asked: argparse.Namespace) -> int:
    from bot.commands.check import check

    return check(settings, asked.paths, as_json=asked.json, heat_map=asked.heatmap)


def _setup(settings: Settings, asked: argparse.Namespace) -> int:
    from bot.commands.setup import setup

    return setup(settings, asked.platform, asked.token, env_file(asked.config))


def _doctor(settings: Settings, asked: argparse.Namespace) -> int:
    from bot.commands.doctor import doctor

    return doctor(settings, env_file(asked.config))


def _worker(settings: Settings, asked: argparse.Namespace) -> int:
    from bot.commands.worker import worker

    return worker(settings)


def _copy_store(settings: Settings, asked: argparse.Namespace) -> int:
    from bot.commands.copy_store import copy_store

    return copy_store(settings)


def _backup(settings: Settings, asked: argparse.Namespace) -> int:
    from bot.commands.backup import backup

    return backup(settings, asked.config, asked.file)


def _restore(settings: Settings, asked: argparse.Namespace) -> int:
    from bot.commands.restore import restore

    return restore(settings, asked.config, asked.file)


def _export_settings(settings: Settings, asked: argparse.Namespace) -> int:
    from bot.commands.server_settings import export_settings

    return export_settings(settings, asked.server, asked.file)


def _import_settings(settings: Settings, asked: argparse.Namespace) -> int:
    from bot.commands.server_settings import import_settings

    return import_settings(settings, asked.server, asked.file)


def _list_reviews(settings: Settings, asked: argparse.Namespace) -> int:
    from bot.commands.review import review_list

    return review_list(settings)


def _export_reviews(settings: Settings, asked: argparse.Namespace) -> int:
    from bot.commands.review import review_export

    return review_export(settings, asked.folder)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="candid",
        description="Says whether a picture is likely AI-generated: on Discord, Telegram, a web page and here. "
        "Without a command it runs everything that is configured.",
    )
    parser.add_argument("--version", action="version", version=f"Candid {__version__}")
    _add_config(parser, None)
    parser.set_defaults(run=_run)
    commands = parser.add_subparsers(dest="command", metavar="command")

    check = commands.add_parser("check", help="a verdict for each picture", description="A verdict for each picture.")
    check.set_defaults(run=_check)
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
    setup.set_defaults(run=_setup)
    setup.add_argument("platform", nargs="?", choices=("discord", "telegram"))
    setup.add_argument("--token", help="the token; better leave it out and be asked, or give it on standard input")

    doctor = commands.add_parser(
        "doctor",
        help="what works, and what is missing",
        description="Says what is configured, reachable and permitted. Exit code 1 when something of it doesn't work.",
    )
    doctor.set_defaults(run=_doctor)

    backup = commands.add_parser(
        "backup",
        help="save everything in one file",
        description="Saves the database, the models and the settings in one file, also while Candid runs.",
    )
    backup.set_defaults(run=_backup)
    backup.add_argument("file", type=Path, metavar="FILE", help="the archive to write, for example candid.tar.gz")

    store = commands.add_parser("store", help="move the database to Postgres")
    copy = store.add_subparsers(metavar="action", required=True).add_parser(
        "copy",
        description="Copies everything from the file that [store] path names to the Postgres that DATABASE_URL names.",
    )
    copy.set_defaults(run=_copy_store)

    worker = commands.add_parser(
        "worker",
        help="judge for bots on other machines",
        description="Judges the pictures that bots hand over through Redis (REDIS_URL). Run as many as you have cores for.",
    )
    worker.set_defaults(run=_worker)

    restore = commands.add_parser(
        "restore",
        help="put a backup back",
        description="Puts back what `candid backup` saved; Candid must not run. The database that is there is kept beside it.",
    )
    restore.set_defaults(run=_restore)
    restore.add_argument("file", type=Path, metavar="FILE", help="an archive that `candid backup` wrote")
    for command in (
        check,
        setup,
        doctor,
        backup,
        restore,
        worker,
        copy,
        *_add_settings(commands),
        *_add_review(commands),
    ):
        _add_config(command, argparse.SUPPRESS)
    return parser


def _add_settings(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> list[argparse.ArgumentParser]:
    settings = commands.add_parser(
        "settings",
        help="a server's settings as a file",
        description="Writes the settings of a Discord server or a Telegram chat into a file, and takes them from one.",
    )
    actions = settings.add_subparsers(dest="action", metavar="export|import", required=True)
    export = actions.add_parser("export", help="write them", description="Writes a server's settings as TOML.")
    export.set_defaults(run=_export_settings)
    load = actions.add_parser(
        "import",
        help="take them over",
        description="Takes a server's settings from a file, all or none; what it leaves out is unset. Candid may run.",
    )
    load.set_defaults(run=_import_settings)
    for action in (export, load):
        action.add_argument("server", metavar="SERVER", help="such as discord:123456789 or telegram:-100123456789")
    export.add_argument("file", nargs="?", type=Path, metavar="FILE", help="a TOML file; else standard output")
    load.add_argument("file", type=Path, metavar="FILE", help="a TOML file")
    return [export, load]


def _add_review(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> list[argparse.ArgumentParser]:
    review = commands.add_parser(
        "review",
        help="pictures that moderators have labelled",
        description="Shows the pictures that communities keep for review, and exports those with an approved label.",
    )
    actions = review.add_subparsers(dest="action", metavar="list|export", required=True)
    listing = actions.add_parser("list", help="what is kept", description="A line for every picture that is kept.")
    listing.set_defaults(run=_list_reviews)
    export = actions.add_parser(
        "export",
        help="write a data set",
        description="Writes real/, ai/ and manifest.csv for training.prepare; run again, it adds what is new.",
    )
    export.set_defaults(run=_export_reviews)
    export.add_argument("folder", type=Path, metavar="DIR", help="the folder that gets them")
    return [listing, export]


def _add_config(parser: argparse.ArgumentParser, default: object) -> None:
    parser.add_argument(
        "--config", type=Path, metavar="FILE", default=default, help="settings that differ from the defaults, as TOML"
    )


if __name__ == "__main__":
    sys.exit(main())
