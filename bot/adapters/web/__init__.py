"""Candid on the web: one page and its API."""

from bot.adapters.web.adapter import WebAdapter

__all__ = ["WebAdapter"]
