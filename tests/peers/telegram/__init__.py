"""A loopback Telegram: what the real Bot API enforces, on 127.0.0.1."""

from tests.peers.telegram.api import Call, Telegram
from tests.peers.telegram.faults import Pace, Trouble
from tests.peers.telegram.humans import Human
from tests.peers.telegram.methods import Press
from tests.peers.telegram.world import Chat, Message

__all__ = ["Call", "Chat", "Human", "Message", "Pace", "Press", "Telegram", "Trouble"]
