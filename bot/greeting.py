"""What a person reads in the terminal when Candid starts: what runs, where, and what is missing and how to get it."""

from pathlib import Path

from bot import __version__
from bot.settings import Settings


def greeting(settings: Settings, page: str) -> list[str]:
    """One line for each part. `page` is the address of the web page, "" when it can't be opened."""
    discord, telegram = settings.discord, settings.telegram
    if not settings.web.enabled:
        web = "off ([web] enabled is false)"
    elif page:
        web = page + ("  (asks for WEB_TOKEN)" if settings.web.token else "")
    else:
        web = f"can't be opened on port {settings.web.port}: is something else there? [web] port chooses another"
    return [
        f"Candid {__version__}: is this picture AI-generated?",
        f"  Page      {web}",
        "  Discord   " + ("connecting" if discord.token else "not connected. Get it with: candid setup discord"),
        "  Telegram  " + ("connecting" if telegram.token else "not connected. Get it with: candid setup telegram"),
        f"  Data      {Path(settings.store.path).absolute()}",
        "  Stop      Ctrl+C",
    ]
