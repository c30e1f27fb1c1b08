"""Candid on the web: one page and its API."""

from bot.adapters.web.adapter import WebAdapter
from bot.adapters.web.upload import Timings

__all__ = ["Timings", "WebAdapter"]
