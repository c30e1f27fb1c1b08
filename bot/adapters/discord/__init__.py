"""Candid on Discord."""

from bot.adapters.discord.adapter import DiscordAdapter, point_to
from bot.adapters.discord.timings import Timings

__all__ = ["DiscordAdapter", "Timings", "point_to"]
