"""What a web page holds for the collector: its pictures, links, licence, and whether it minds being collected."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urldefrag, urljoin, urlsplit

from bs4 import BeautifulSoup, Tag

from training.dataset import SUFFIXES

REFUSALS = {"noai", "noimageai", "noimageindex", "none"}


@dataclass(frozen=True, slots=True)
class WebPage:
    """Addresses are absolute, without fragments, each once, in the order of the page. `willing` is False where it
    says that its pictures must not be taken for this; then `pictures` is empty. `links` is empty where links must not
    be followed."""

    pictures: tuple[str, ...]
    links: tuple[str, ...]
    licence: str
    willing: bool


def read_page(html: bytes, address: str, directives: str = "") -> WebPage:
    """`directives` are those of the reply's X-Robots-Tag header; the page's own are added."""
    soup = BeautifulSoup(html, "html.parser")
    base = soup.find("base", href=True)
    root = urljoin(address, attribute(base, "href")) if isinstance(base, Tag) else address
    said = words(directives)
    for meta in soup.find_all("meta", attrs={"name": True}):
        if attribute(meta, "name").lower() in ("robots", "candidcollect"):
            said |= words(attribute(meta, "content"))
    willing = not said & REFUSALS
    pictures = unique(absolute(found, root) for found in picture_addresses(soup)) if willing else ()
    links = () if said & {"nofollow", "none"} else unique(absolute(found, root) for found in page_addresses(soup))
    return WebPage(pictures, links, licence_of(soup, root), willing)


def words(directives: str) -> set[str]:
    return {word.strip().lower() for word in directives.replace(":", ",").split(",")}


def picture_addresses(soup: BeautifulSoup) -> Iterator[str]:
    """The largest that each element offers: linked files, sources by size, plain ones."""
    for element in soup.find_all(["img", "source", "a", "meta"]):
        if element.name == "a":
            if is_picture(attribute(element, "href")):
                yield attribute(element, "href")
        elif element.name == "meta":
            if attribute(element, "property") == "og:image":
                yield attribute(element, "content")
        elif (
            element.name == "img" and isinstance(element.parent, Tag) and is_picture(attribute(element.parent, "href"))
        ):
            continue  # a thumbnail of the file that its link gives
        elif attribute(element, "srcset") or attribute(element, "data-srcset"):
            yield largest(attribute(element, "srcset") or attribute(element, "data-srcset"))
        elif element.name == "img":
            yield attribute(element, "data-src") or attribute(element, "src")


def page_addresses(soup: BeautifulSoup) -> Iterator[str]:
    for element in soup.find_all("a", href=True):
        rel: Any = element.get("rel") or []
        if "nofollow" not in rel and not is_picture(attribute(element, "href")):
            yield attribute(element, "href")


def licence_of(soup: BeautifulSoup, root: str) -> str:
    """What the page links as its licence (rel="license"), empty where it doesn't."""
    for element in soup.find_all(["a", "link"], href=True):
        if "license" in (element.get("rel") or []):
            return urljoin(root, attribute(element, "href"))
    return ""


def largest(srcset: str) -> str:
    """The candidate with the greatest width or density of a srcset attribute."""
    best, size = "", -1.0
    for candidate in srcset.split(", "):
        address, _, descriptor = candidate.strip().strip(",").partition(" ")
        try:
            value = float(descriptor.strip().rstrip("wx") or 1)
        except ValueError:
            value = 0.0
        if address and value > size:
            best, size = address, value
    return best


def is_picture(address: str) -> bool:
    path = re.split("[?#]", address, maxsplit=1)[0].lower()
    return any(path.endswith(suffix) for suffix in SUFFIXES)


def absolute(address: str, root: str) -> str:
    try:
        found, _ = urldefrag(urljoin(root, address.strip()))
    except ValueError:  # an address that is none, as "http://[" is
        return ""
    return found if address.strip() and urlsplit(found).scheme in ("http", "https") else ""


def unique(addresses: Iterator[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(address for address in addresses if address))


def attribute(element: Tag, name: str) -> str:
    value = element.get(name)
    return value if isinstance(value, str) else ""
