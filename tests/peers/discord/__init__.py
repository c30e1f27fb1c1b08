"""A loopback Discord: REST v10, gateway and CDN on 127.0.0.1, with people who talk, click and type. See `World`."""

from tests.peers.discord.faults import SENDS, Cloudflare, GlobalLimit, Reset, Status
from tests.peers.discord.interactions import Ask, NotOffered
from tests.peers.discord.places import Channel, Guild, Permission, Person
from tests.peers.discord.posts import Embedded, Post, Sticker, Upload
from tests.peers.discord.world import World

__all__ = [
    "SENDS",
    "Ask",
    "Channel",
    "Cloudflare",
    "Embedded",
    "GlobalLimit",
    "Guild",
    "NotOffered",
    "Permission",
    "Person",
    "Post",
    "Reset",
    "Status",
    "Sticker",
    "Upload",
    "World",
]
