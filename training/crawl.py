"""Walks a site page by page and puts its pictures on the shelf; where it is, is written down after every page."""

import json
import os
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import aiohttp

from training.shelf import Facts, Shelf
from training.webpage import absolute, read_page
from training.website import Refused, Site, host_of, user_agent

PAGE_BYTES = 5_000_000


@dataclass(frozen=True, slots=True)
class Manners:
    delay: float = 1.0  # seconds between two requests, if the site asks for no more
    pages: int = 200
    hosts: frozenset[str] = frozenset()
    contact: str = ""
    timeout: float = 30.0


@dataclass
class Progress:
    """Pages done, pages known and waiting, and addresses of pictures that are dealt with."""

    done: list[str]
    waiting: list[str]
    pictures: set[str]

    @classmethod
    def read(cls, file: Path, start: str) -> "Progress":
        if not file.is_file():
            return cls([], [start], set())
        stored = json.loads(file.read_text(encoding="utf-8"))
        return cls(stored["done"], stored["waiting"], set(stored["pictures"]))

    def write(self, file: Path) -> None:
        partial = file.with_suffix(f".{os.getpid()}.part")
        stored = {"done": self.done, "waiting": self.waiting, "pictures": sorted(self.pictures)}
        partial.write_text(json.dumps(stored), encoding="utf-8")
        partial.replace(file)


async def crawl(
    start: str, shelf: Shelf, facts: Facts, manners: Manners, tell: Callable[[str], object]
) -> Counter[str]:
    """From `start` on, breadth first; returns how many pictures were kept, and how many not and why."""
    start = absolute(start, start)
    file = shelf.folder / f"crawl-{re.sub(r'[^a-z0-9]+', '-', start.lower()).strip('-')[:80]}.json"
    progress = Progress.read(file, start)
    outcomes: Counter[str] = Counter()
    headers = {"User-Agent": user_agent(manners.contact)}
    async with aiohttp.ClientSession(headers=headers) as session:
        site = Site(session, start, manners.hosts, manners.delay, manners.timeout)
        while progress.waiting and len(progress.done) < manners.pages:
            page = progress.waiting[0]
            tell(f"{len(progress.done)} pages done, {len(progress.waiting)} waiting, {len(shelf)} pictures: {page}")
            outcomes += await one_page(site, page, shelf, facts, progress)
            progress.waiting.remove(page)
            progress.done.append(page)
            progress.write(file)
    return outcomes


async def one_page(site: Site, page: str, shelf: Shelf, facts: Facts, progress: Progress) -> Counter[str]:
    outcomes: Counter[str] = Counter()
    try:
        reply = await site.fetch(page, PAGE_BYTES)
    except Refused as refused:
        return Counter({f"page: {refused}": 1})
    if reply.kind.startswith("image/"):
        return Counter({shelf.add(reply.data, replace(facts, origin=page)): 1})
    if "html" not in reply.kind:
        return Counter({"page: no HTML": 1})
    found = read_page(reply.data, reply.address, reply.directives)
    if not found.willing:
        outcomes["page: says no to AI"] += 1
    for address in found.pictures:
        if address in progress.pictures or address in shelf.origins:
            continue
        outcomes[await one_picture(site, address, shelf, facts, page, facts.licence or found.licence)] += 1
        progress.pictures.add(address)
    known = {*progress.done, *progress.waiting}
    progress.waiting += [link for link in found.links if link not in known and site.belongs(link)]
    return outcomes


async def one_picture(site: Site, address: str, shelf: Shelf, facts: Facts, page: str, licence: str) -> str:
    try:
        reply = await site.fetch(address, shelf.limits.bytes)
    except Refused as refused:
        return str(refused)
    if {"noai", "noimageai"} & {word.strip() for word in reply.directives.split(",")}:
        return "says no to AI"
    return shelf.add(reply.data, replace(facts, origin=address, page=page, licence=licence))


def source_name(address: str) -> str:
    return host_of(address).split(":")[0]
