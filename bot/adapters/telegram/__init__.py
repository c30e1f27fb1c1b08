"""Candid on Telegram."""

from bot.adapters.telegram.adapter import TelegramAdapter
from bot.adapters.telegram.link import Timings, endpoints

__all__ = ["TelegramAdapter", "Timings", "endpoints"]
