from training.webpage import largest, read_page


def test_lazy_and_sized_pictures_are_found() -> None:
    html = b"""<base href="/sub/"><img data-src="lazy.jpg"><picture><source srcset="a.webp 1x, b.webp 2x"></picture>
    <meta property="og:image" content="https://cdn.example/og.jpg"><img src="data:image/png;base64,AAAA"><img>"""
    page = read_page(html, "https://example.org/page")
    assert page.pictures == (
        "https://example.org/sub/lazy.jpg",
        "https://example.org/sub/b.webp",
        "https://cdn.example/og.jpg",
    )


def test_links_are_absolute_and_once() -> None:
    html = b'<a href="a.html#x">1</a><a href="a.html">2</a><a href="mailto:x@y">3</a><a href="http://[bad">4</a>'
    assert read_page(html, "https://example.org/dir/").links == ("https://example.org/dir/a.html",)


def test_refusals_by_header_and_page() -> None:
    html = b'<img src="a.png"><a href="b.html">b</a>'
    assert not read_page(html, "https://example.org/", "noai").willing
    assert not read_page(html, "https://example.org/", "candidcollect: noimageai").pictures
    nofollow = read_page(b'<meta name="robots" content="nofollow">' + html, "https://example.org/")
    assert (nofollow.links, len(nofollow.pictures)) == ((), 1)


def test_the_largest_of_a_srcset() -> None:
    assert largest("a.jpg 480w, b.jpg 1024w, c.jpg 800w") == "b.jpg"
    assert largest("a.jpg") == "a.jpg"
    assert largest("a.jpg nonsense, b.jpg 2x") == "b.jpg"


def test_nonsense_is_an_empty_page() -> None:
    page = read_page(b"\xff\xfe\x00<<<>>&#xFFFFFFFF;", "https://example.org/")
    assert (page.pictures, page.links, page.licence) == ((), (), "")
