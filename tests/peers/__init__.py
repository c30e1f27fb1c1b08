"""Loopback Discord and Telegram servers that enforce what the real ones enforce."""
