"""`candid review list|export`: the pictures that communities keep for review, and those that their moderators approved."""

import asyncio
import datetime
import time
from pathlib import Path

from bot.community import Review, Reviewed
from bot.community.lessons import Exported, export
from bot.community.strongbox import Strongbox
from bot.errors import SettingsError, in_words
from bot.settings import Settings
from bot.store import DAY, Store


def review_list(settings: Settings) -> int:
    """Prints a line for every picture that is kept, the oldest first; no person is named."""
    reviewed = _everything(settings)
    now = time.time()
    for one in reviewed:
        print(_line(one, settings.review.keep_days - (now - one.kept) / DAY))
    approved = sum(one.label is not None for one in reviewed)
    print(f"{len(reviewed)} pictures are kept, and {approved} of them have an approved label.")
    return 0


def review_export(settings: Settings, folder: Path) -> int:
    """Writes what is approved into `folder`; 1 when a picture could not be read."""
    reviewed = _everything(settings)
    box = Strongbox.of(settings.review)
    assert box is not None
    try:
        result = export(reviewed, box, folder)
    except OSError as error:
        raise SettingsError(f"{folder} can't be written: {in_words(error)}.") from error
    print(f"{folder}: {result.new} pictures are new, {result.known} were there.")
    for sentence in _left_out(result):
        print(sentence)
    return int(bool(result.lost))


def _everything(settings: Settings) -> list[Reviewed]:
    path = Path(settings.store.path)
    if not settings.review.directory:
        raise SettingsError('[review] directory: found "", so no picture is kept; name a folder to begin.')
    if not settings.store.url and not path.is_file():
        raise SettingsError(f"[store] path {str(path)!r} does not exist yet: nothing was kept so far.")
    return asyncio.run(_read(settings))


async def _read(settings: Settings) -> list[Reviewed]:
    store = await Store.open(settings.store.where)
    try:
        return await Review(store, settings).everything()
    finally:
        await store.close()


def _line(one: Reviewed, days_left: float) -> str:
    kept = datetime.datetime.fromtimestamp(one.kept, datetime.UTC).date().isoformat()
    votes = f"{one.says_ai} ai, {one.says_real} real" + (", signature ai" if one.proof else "")
    label = one.label.value if one.label else "open"
    return (
        f"{label:<5} {one.sha256[:16]}  {one.server}  {one.source} of {kept}, model said {one.verdict.value}; "
        f"votes: {votes}; goes in {max(0, round(days_left))} days"
    )


def _left_out(result: Exported) -> list[str]:
    sentences = []
    if result.copies:
        sentences.append(f"{result.copies} copies of others were left out.")
    if result.disputed:
        sentences.append(f"{result.disputed} pictures were left out: they, or copies of them, are approved as both.")
    if result.lost:
        names = ", ".join(sha256[:16] for sha256 in result.lost)
        sentences.append(
            f"{len(result.lost)} pictures could not be read; their file is gone, or REVIEW_KEY is another one: {names}"
        )
    return sentences
