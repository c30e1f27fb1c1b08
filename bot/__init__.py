"""Candid: a self-hosted bot that says whether a picture is likely AI-generated, and how sure it is."""

__version__ = "0.1.0"
