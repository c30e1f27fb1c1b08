"""Bots and workers on a real Redis."""
