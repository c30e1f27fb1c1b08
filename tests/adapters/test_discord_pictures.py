"""Which pictures count, and what is fetched: several, forwards, embeds, stickers, large, lying, expired, stuck."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.adapters.discord_rig import Rig, picture, upload
from tests.peers.discord import Cloudflare, Embedded, Reset, Status, Upload


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with Rig(tmp_path, max_bytes=1 << 20, per_message=4) as rig:
        yield await rig.start()


async def test_several_pictures_get_one_answer(rig: Rig) -> None:
    files = [upload(255, "a.png"), upload(0, "b.png"), Upload("notes.txt", b"text")]
    asked = await rig.world.say(rig.member, rig.world.direct(rig.member), uploads=files)
    answer = await rig.world.reply(asked)
    assert len(answer.embeds) == 2
    assert "AI-generated" in answer.embeds[0]["title"]
    assert "a.png" in answer.embeds[0]["description"]
    assert "real" in answer.embeds[1]["title"].lower()
    assert len(rig.world.answers()) == 1


async def test_more_than_the_limit_are_left_out_and_that_is_said(rig: Rig) -> None:
    files = [upload(10 * n, f"{n}.png") for n in range(6)]
    asked = await rig.world.say(rig.member, rig.world.direct(rig.member), uploads=files)
    answer = await rig.world.reply(asked)
    assert len(answer.embeds) == 4
    assert "2 more" in answer.content


async def test_one_bad_picture_among_good_ones(rig: Rig) -> None:
    files = [upload(255, "good.png"), Upload("bad_one.png", picture(3)[:60])]
    asked = await rig.world.say(rig.member, rig.world.direct(rig.member), uploads=files)
    answer = await rig.world.reply(asked)
    assert "AI-generated" in answer.embeds[0]["title"]
    assert "bad" in answer.embeds[1]["title"]
    assert answer.embeds[1]["description"]


async def test_the_same_picture_twice(rig: Rig) -> None:
    asked = await rig.world.say(
        rig.member, rig.world.direct(rig.member), uploads=[upload(255, "a.png"), upload(255, "b.png")]
    )
    answer = await rig.world.reply(asked)
    assert len(answer.embeds) == 2
    assert [item["label"] for item in answer.items()] == ["Why?", "Wrong?"]


async def test_a_forwarded_message(rig: Rig) -> None:
    source = await rig.world.say(rig.admin, rig.general, uploads=[upload(255)])
    forward = await rig.world.say(rig.member, rig.general, forward=source)
    assert "AI-generated" in (await rig.world.answer(await rig.world.menu(rig.member, forward))).text
    sent_on = await rig.world.say(rig.member, rig.world.direct(rig.member), forward=source)
    assert "AI-generated" in (await rig.world.reply(sent_on)).text


async def test_an_embed_s_picture_comes_by_discord_s_proxy_only(rig: Rig) -> None:
    link = Embedded("http://127.0.0.1:9/inside.png", picture(255))
    post = await rig.world.say(rig.admin, rig.general, links=[link])
    answer = await rig.world.answer(await rig.world.menu(rig.member, post))
    assert "AI-generated" in answer.text
    assert rig.world.cdn.served == [link.url]


async def test_a_preview_counts_only_if_there_is_nothing_else(rig: Rig) -> None:
    page = Embedded("https://example.org/page", picture(0), type="article", where="thumbnail")
    post = await rig.world.say(rig.admin, rig.general, links=[page])
    assert "real" in (await rig.world.answer(await rig.world.menu(rig.member, post))).text.lower()
    both = await rig.world.say(rig.admin, rig.general, links=[page], uploads=[upload(255)])
    answer = await rig.world.answer(await rig.world.menu(rig.member, both))
    assert len(answer.embeds) == 1
    assert "AI-generated" in answer.text


async def test_stickers(rig: Rig) -> None:
    good = await rig.world.say(rig.admin, rig.general, stickers=[rig.world.sticker("cat", picture(255))])
    assert "AI-generated" in (await rig.world.answer(await rig.world.menu(rig.member, good))).text
    moving = await rig.world.say(rig.admin, rig.general, stickers=[rig.world.sticker("wave", picture(255), format=4)])
    assert "AI-generated" in (await rig.world.answer(await rig.world.menu(rig.member, moving))).text
    lottie = await rig.world.say(rig.admin, rig.general, stickers=[rig.world.sticker("dance", b"{}", format=3)])
    answer = await rig.world.answer(await rig.world.menu(rig.member, lottie))
    assert "shapes" in answer.text
    assert not answer.embeds


async def test_a_picture_under_a_wrong_name_is_judged_by_its_bytes(rig: Rig) -> None:
    post = await rig.world.say(rig.admin, rig.general, uploads=[Upload("scan.txt", picture(255))])
    assert "AI-generated" in (await rig.world.answer(await rig.world.menu(rig.member, post))).text


async def test_a_video_is_not_fetched(rig: Rig) -> None:
    post = await rig.world.say(rig.admin, rig.general, uploads=[Upload("film.mp4", b"video")])
    assert "no picture" in (await rig.world.answer(await rig.world.menu(rig.member, post))).text
    assert rig.world.cdn.served == []


async def test_a_large_file_is_refused_before_it_is_fetched(rig: Rig) -> None:
    ask = await rig.world.slash(rig.member, rig.general, "check", image=Upload("big.png", bytes(2 << 20)))
    answer = await rig.world.answer(ask)
    assert "2 MB" in answer.text
    assert "1 MB" in answer.text
    assert rig.world.cdn.served == []


async def test_a_file_that_lies_about_its_size_is_not_read_to_its_end(rig: Rig) -> None:
    rig.world.cdn.endless.add("lie.png")
    ask = await rig.world.slash(rig.member, rig.general, "check", image=Upload("lie.png", picture(0), lies=100))
    assert "1 MB" in (await rig.world.answer(ask)).text
    assert rig.world.cdn.sent < 64 << 20


async def test_an_expired_url_is_renewed(rig: Rig) -> None:
    post = await rig.world.say(rig.admin, rig.general, uploads=[upload(255)])
    stale = post.payload(rig.world, shown=True)
    rig.world.pass_time(48 * 3600)
    rig.world.posts[post.id] = post
    fresh = post.payload
    post.payload = lambda *args, **kwargs: stale  # type: ignore[method-assign]
    ask = await rig.world.menu(rig.member, post)
    post.payload = fresh  # type: ignore[method-assign]
    rig.world.portal_message_content = True  # else REST hides the attachments
    assert "AI-generated" in (await rig.world.answer(ask)).text
    assert rig.world.cdn.served == ["gone", "picture.png"]


async def test_a_deleted_picture(rig: Rig) -> None:
    image = upload(255)
    post = await rig.world.say(rig.admin, rig.general, uploads=[image])
    del rig.world.cdn._uploads[image.id]
    answer = await rig.world.answer(await rig.world.menu(rig.member, post))
    assert "not there any more" in answer.text


async def test_a_stuck_download_ends_in_a_sentence_with_when(rig: Rig) -> None:
    rig.world.cdn.stall.add("stuck.png")
    ask = await rig.world.slash(rig.member, rig.general, "check", image=Upload("stuck.png", picture(0)))
    assert "try again in a minute" in (await rig.world.answer(ask)).text


@pytest.mark.parametrize("fault", [Status(502), Cloudflare(), Reset()])
async def test_a_fault_of_the_cdn_is_got_over(rig: Rig, fault: Status | Cloudflare | Reset) -> None:
    rig.world.faults.add("GET /cdn/", fault)
    ask = await rig.world.slash(rig.member, rig.general, "check", image=upload(255))
    assert "AI-generated" in (await rig.world.answer(ask)).text
