"""A bot process that asks workers. Arguments: its configuration, and seconds until what a silent one had accepted is taken over."""

import sys
from pathlib import Path

import bot.presence
from bot.commands.run import run
from bot.settings import load_settings

if __name__ == "__main__":
    bot.presence.LEASE_SECONDS = float(sys.argv[2])
    sys.exit(run(load_settings(Path(sys.argv[1]))))
