"""Pictures are kept only where everybody concerned wants that, erased when somebody doesn't, and labelled by no one alone."""

import asyncio
import hashlib
import io
import os
import stat
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import imagehash
import numpy as np
import pytest
from PIL import Image

from bot.community import Cases, Community, Decision, Review, Reviewed, Rules
from bot.community.review import A_DAY_OF_A_PERSON, A_DAY_OF_A_SERVER
from bot.community.strongbox import Strongbox, Unreadable
from bot.core import Asker, Checker, Picture
from bot.errors import Refusal, SettingsError
from bot.evidence import kinds
from bot.looks import alike, looks
from bot.secret import Secret
from bot.settings import Settings, default_settings
from bot.store import DAY, Store
from bot.verdict import Arrival, Bands, Finding, Label, Strength, Verdict
from tests.conftest import make_picture
from tests.training.made import encoded, picture

SERVER, OTHER = "discord:77", "discord:78"
ANNA, BEN, CARL = "discord:user/1", "discord:user/2", "discord:user/3"
FIRST, SECOND, THIRD = "discord:user/11", "discord:user/12", "discord:user/13"
WANTED, UNWANTED = Rules(review=True), Rules()
SIGNED = Finding(kinds.CREDENTIALS_GENERATED, "Generated with AI.", Strength.SIGNED)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "review"


@pytest.fixture
def settings(folder: Path) -> Settings:
    base = default_settings()
    return replace(base, review=replace(base.review, directory=str(folder), key=Secret("a key that nobody guesses")))


@pytest.fixture
async def community(store: Store, settings: Settings) -> AsyncIterator[Community]:
    """Server 77 has opted in, 78 has not."""
    community = Community.of(store, settings)
    await community.rules.change(SERVER, FIRST, review=True)
    yield community


@pytest.fixture
def review(community: Community) -> Review:
    return community.review


def verdict_on(data: bytes, *evidence: Finding, label: Label = Label.AI) -> Verdict:
    digest, bands = hashlib.sha256(data).hexdigest(), Bands(0.2, 0.8)
    return Verdict(label, 0.9, 0.9, "wild-3", bands, digest, Arrival.ORIGINAL, 70, 96, 96, evidence=evidence)


async def keep(review: Review, data: bytes, *evidence: Finding, **changed: str | Rules) -> bool:
    """Ben reports Anna's picture in server 77."""
    given = {"server": SERVER, "author": ANNA, "reporter": BEN, "source": "report", "rules": WANTED, **changed}
    return await review.keep(data=data, verdict=verdict_on(data, *evidence), **given)  # type: ignore[arg-type]


async def standing(review: Review, data: bytes, server: str = SERVER) -> Reviewed:
    found = await review.find(server, verdict_on(data).sha256)
    assert found is not None
    return found


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


# Who wants it


async def test_nothing_is_kept_unless_host_server_and_author_want_it(
    community: Community, store: Store, folder: Path
) -> None:
    data, review = make_picture(), community.review
    assert not Community.of(store, default_settings()).review.enabled
    assert not await keep(Community.of(store, default_settings()).review, data)
    assert not await keep(review, data, rules=UNWANTED)
    await community.members.opt_out(ANNA)
    assert not await keep(review, data)
    assert await review.everything() == [] and files(folder) == []
    await community.members.opt_in(ANNA)
    assert review.enabled and await keep(review, data)


async def test_a_server_can_opt_in_only_where_the_host_keeps_pictures(store: Store, community: Community) -> None:
    elsewhere = Community.of(store, default_settings()).rules
    with pytest.raises(Refusal, match="keeps no pictures"):
        await elsewhere.change(OTHER, FIRST, review=True)
    await elsewhere.change(SERVER, FIRST, channels=["5"])  # it had opted in before the host gave that up
    assert (await community.rules.change(OTHER, FIRST, review=True)).review


async def test_what_is_kept_is_what_was_judged(review: Review, folder: Path) -> None:
    data, other = make_picture(200), make_picture(90, seed=1)
    assert not await review.keep(SERVER, other, verdict_on(data), ANNA, BEN, "report", WANTED)
    assert not await keep(review, b"no picture at all, and still reported")
    assert files(folder) == []
    assert await keep(review, data)
    assert await asyncio.to_thread(review.box.get, verdict_on(data).sha256) == data  # type: ignore[union-attr]


async def test_a_verdict_of_the_checker_is_enough(checker: Checker, review: Review) -> None:
    data = make_picture(250)
    verdict = await checker.check(Picture(data), Asker(SERVER, ANNA))
    assert await review.keep(SERVER, data, verdict, ANNA, ANNA, "appeal", WANTED)
    found = await standing(review, data)
    assert (found.source, found.verdict, found.author, found.label) == ("appeal", Label.AI, ANNA, None)


# Caps and copies


async def test_one_person_counts_for_five_a_day_as_reporter_and_as_author(review: Review, store: Store) -> None:
    reported = [await keep(review, make_picture(seed=n), author=f"discord:user/{100 + n}") for n in range(8)]
    assert reported == [True] * A_DAY_OF_A_PERSON + [False] * 3
    posted = [await keep(review, make_picture(seed=10 + n), reporter=f"discord:user/{200 + n}") for n in range(8)]
    assert posted == [True] * A_DAY_OF_A_PERSON + [False] * 3
    await store.change("UPDATE review_people SET since = since - ?", (DAY + 1,))
    assert await keep(review, make_picture(seed=20))


async def test_a_server_and_the_folder_have_a_cap(store: Store, settings: Settings, review: Review) -> None:
    people = iter(range(1000, 3000))

    async def one(review: Review, seed: int) -> bool:
        person = next(people)
        return await keep(review, make_picture(seed=seed, side=64), author=f"u/{person}", reporter=f"r/{person}")

    assert all([await one(review, n) for n in range(A_DAY_OF_A_SERVER)])
    assert not await one(review, 500)
    assert await keep(review, make_picture(seed=500), server="discord:79")
    await store.change("UPDATE reviews SET kept = kept - ?, bytes = 900000", (DAY + 1,))
    small = replace(settings, review=replace(settings.review, megabytes=1))
    assert not await one(Review(store, small), 501)
    assert await one(review, 501)


async def test_copies_are_kept_once_a_server(review: Review) -> None:
    data = encoded(picture(0, 1))
    assert await keep(review, data)
    for copy in (saved(data, "JPEG", quality=60), resized(data, 150), resized(data, 333)):
        assert not await keep(review, copy, author=CARL)
    assert await keep(review, saved(data, "WEBP", quality=80), server=OTHER)
    assert await keep(review, encoded(picture(0, 2)))
    assert len(await review.everything()) == 3


async def test_the_same_picture_again_adds_who_has_a_part_in_it(review: Review) -> None:
    data = make_picture()
    assert await keep(review, data)
    assert await review.vote(SERVER, verdict_on(data).sha256, FIRST, False)
    assert await keep(review, data, author=CARL, reporter=FIRST)
    assert not await review.vote(SERVER, verdict_on(data).sha256, FIRST, False)
    assert not await review.vote(SERVER, verdict_on(data).sha256, CARL, False)
    found = await standing(review, data)
    assert (found.says_real, found.label) == (0, None)


async def test_many_at_once_do_not_get_past_the_caps(review: Review) -> None:
    kept = await asyncio.gather(*(keep(review, make_picture(seed=n), author=f"u/{n}") for n in range(12)))
    assert sum(kept) == A_DAY_OF_A_PERSON
    same = await asyncio.gather(*(keep(review, make_picture(seed=99), author=f"v/{n}", reporter="r/9") for n in (1, 2)))
    assert same == [True, True] and len(await review.everything()) == A_DAY_OF_A_PERSON + 1


def saved(data: bytes, format: str, **options: int) -> bytes:
    out = io.BytesIO()
    Image.open(io.BytesIO(data)).save(out, format, **options)
    return out.getvalue()


def resized(data: bytes, side: int) -> bytes:
    out = io.BytesIO()
    Image.open(io.BytesIO(data)).resize((side, side)).save(out, "PNG")
    return out.getvalue()


def test_looks_are_the_known_perceptual_hash() -> None:
    for seed in range(5):
        pixels = np.asarray(Image.open(io.BytesIO(make_picture(seed=seed, side=150))))
        assert looks(pixels) == int(str(imagehash.phash(Image.fromarray(pixels))), 16)
    assert alike(0b1111, 0) and not alike(0b11111, 0)


# Labels


async def test_two_moderators_approve_a_label_and_one_does_not(review: Review) -> None:
    for says_ai, label in ((True, Label.AI), (False, Label.REAL)):
        data = make_picture(seed=int(says_ai))
        sha256 = verdict_on(data).sha256
        await keep(review, data)
        assert await review.vote(SERVER, sha256, FIRST, says_ai)
        assert await review.vote(SERVER, sha256, FIRST, says_ai)  # the same one again
        assert (await standing(review, data)).label is None
        await review.vote(SERVER, sha256, SECOND, says_ai)
        assert (await standing(review, data)).label is label


async def test_a_contradiction_takes_one_more_vote_and_a_mind_may_change(review: Review) -> None:
    data = make_picture()
    sha256 = verdict_on(data).sha256
    await keep(review, data)
    for moderator, says_ai in ((FIRST, False), (SECOND, False), (THIRD, True)):
        await review.vote(SERVER, sha256, moderator, says_ai)
    assert (await standing(review, data)).label is None
    await review.vote(SERVER, sha256, THIRD, False)
    assert (await standing(review, data)).label is Label.REAL


async def test_neither_author_nor_reporter_has_a_vote(review: Review) -> None:
    data = make_picture()
    sha256 = verdict_on(data).sha256
    await keep(review, data, author=FIRST, reporter=SECOND)
    assert not await review.vote(SERVER, sha256, FIRST, False)
    assert not await review.vote(SERVER, sha256, SECOND, False)
    assert await review.vote(SERVER, sha256, THIRD, False)
    found = await standing(review, data)
    assert (found.says_real, found.label) == (1, None)


async def test_votes_count_in_their_own_server(review: Review) -> None:
    data = make_picture()
    sha256 = verdict_on(data).sha256
    await keep(review, data)
    assert not await review.vote(OTHER, sha256, FIRST, False)
    await keep(review, data, server=OTHER)
    assert await review.vote(OTHER, sha256, FIRST, False)
    assert await review.vote(SERVER, sha256, SECOND, False)
    for server in (SERVER, OTHER):
        assert (await standing(review, data, server)).label is None


@pytest.mark.parametrize(
    ("finding", "proves"),
    [
        (SIGNED, True),
        (replace(SIGNED, strength=Strength.SELF_DECLARED), False),
        (replace(SIGNED, kind=kinds.CREDENTIALS), False),
        (replace(SIGNED, kind=kinds.CREDENTIALS_EDITED), False),
    ],
)
async def test_a_signature_that_says_ai_is_as_good_as_a_moderator(
    review: Review, finding: Finding, proves: bool
) -> None:
    data = make_picture()
    sha256 = verdict_on(data).sha256
    await keep(review, data, finding)
    assert (await standing(review, data)).label is None
    await review.vote(SERVER, sha256, FIRST, True)
    assert (await standing(review, data)).label is (Label.AI if proves else None)


async def test_two_moderators_do_not_overrule_a_signature(review: Review) -> None:
    data = make_picture()
    await keep(review, data, SIGNED)
    for moderator in (FIRST, SECOND):
        await review.vote(SERVER, verdict_on(data).sha256, moderator, False)
    assert (await standing(review, data)).label is None


async def test_votes_on_a_case_count_for_a_picture_that_is_kept_later(review: Review, store: Store) -> None:
    data, cases = make_picture(), Cases(store)
    case = await cases.open(SERVER, verdict_on(data), ANNA, "")
    await cases.decide(SERVER, case.id, FIRST, Decision.WRONG)
    await keep(review, data, reporter=ANNA, source="appeal")
    assert (await standing(review, data)).says_real == 1
    await review.vote(SERVER, verdict_on(data).sha256, SECOND, False)
    assert (await standing(review, data)).label is Label.REAL


# Poisoning


async def test_two_hundred_wrong_labels_of_a_troll_do_not_get_approved(review: Review, store: Store) -> None:
    """A troll with an account that moderates here reports pictures as fast as it can, and votes on everything."""
    troll = "discord:user/666"
    for number in range(200):
        data = make_picture(seed=number, side=64)
        await keep(review, data, author=f"discord:user/{1000 + number}", reporter=troll)
        await review.vote(SERVER, verdict_on(data).sha256, troll, number % 2 == 0)
    kept = await review.everything()
    assert len(kept) == A_DAY_OF_A_PERSON
    assert all((one.says_ai, one.says_real, one.label) == (0, 0, None) for one in kept)
    for number in range(200, 240):  # what others reported, it can vote on; alone that is not enough
        data = make_picture(seed=number, side=64)
        assert await keep(review, data, author=f"discord:user/{1000 + number}", reporter=f"discord:user/{number}")
        assert await review.vote(SERVER, verdict_on(data).sha256, troll, True)
    assert [one for one in await review.everything() if one.label] == []


# Forgetting


async def test_an_opt_out_and_forgetting_erase_the_authors_pictures_with_their_files(
    community: Community, store: Store, folder: Path
) -> None:
    review = community.review
    mine, also, theirs = make_picture(seed=1), make_picture(seed=2), make_picture(seed=3)
    for leave in (community.members.opt_out, community.privacy.forget):
        await keep(review, mine)
        await keep(review, also)
        await keep(review, theirs, author=CARL, reporter=ANNA)
        assert len(files(folder)) == 3
        await review.vote(SERVER, verdict_on(mine).sha256, FIRST, True)
        await leave(ANNA)
        assert [one.sha256 for one in await review.everything()] == [verdict_on(theirs).sha256]
        assert [file.name.partition(".")[0] for file in files(folder)] == [verdict_on(theirs).sha256]
        assert await store.rows("SELECT * FROM review_votes") == []
        await community.members.opt_in(ANNA)
    assert await store.rows("SELECT * FROM review_people WHERE person = ?", (ANNA,)) == []


async def test_a_file_that_two_servers_keep_stays_until_both_let_go(review: Review, store: Store, folder: Path) -> None:
    data = make_picture()
    await keep(review, data)
    await keep(review, data, server=OTHER, author=CARL)
    assert len(files(folder)) == 1
    await review.forget(ANNA)
    assert len(files(folder)) == 1
    await review.forget(CARL)
    assert files(folder) == []


async def test_an_approved_label_outlives_the_names_of_its_voters(community: Community) -> None:
    data, review = make_picture(), community.review
    await keep(review, data)
    for moderator in (FIRST, SECOND):
        await review.vote(SERVER, verdict_on(data).sha256, moderator, False)
    await community.privacy.forget(FIRST)
    assert (await standing(review, data)).label is Label.REAL
    assert (await community.privacy.export(FIRST))["review_votes"] == []


async def test_a_person_sees_what_is_kept_and_that_it_is(community: Community, store: Store) -> None:
    data = make_picture()
    await keep(community.review, data)
    shown = await community.privacy.export(ANNA)
    rows = shown["reviews"]
    assert isinstance(rows, list) and len(rows) == 1
    [row] = rows
    assert isinstance(row, dict)
    assert (row["server"], row["sha256"], row["part"]) == (SERVER, verdict_on(data).sha256, "author")
    assert "kept for up to 90 days" in community.privacy.words()
    assert "90 days" not in Community.of(store, default_settings()).privacy.words()


async def test_the_purge_takes_what_is_old_unwanted_or_stray(community: Community, store: Store, folder: Path) -> None:
    review = community.review
    await community.rules.change(OTHER, FIRST, review=True)
    pictures = [make_picture(seed=n) for n in range(4)]
    for data, server in zip(pictures, (SERVER, SERVER, OTHER, SERVER), strict=True):
        assert await keep(review, data, server=server, author=CARL if data is pictures[3] else ANNA)
    assert await review.purge() == 0 and len(files(folder)) == 4
    old = verdict_on(pictures[0]).sha256
    await store.change("UPDATE reviews SET kept = ? WHERE sha256 = ?", (time.time() - 90 * DAY - 1, old))
    await community.rules.change(OTHER, FIRST, review=False)
    await store.change("INSERT INTO members (person, opted_out) VALUES (?, 1)", (CARL,))  # and the process ended there
    for name in ("cd" * 32, "ef" * 32 + ".fernet.77.part"):
        (folder / name).write_bytes(b"left by a process that was killed")
        os.utime(folder / name, (1, 1))
    (folder / "README").write_bytes(b"not ours")
    assert await review.purge() == 3
    assert [one.sha256 for one in await review.everything()] == [verdict_on(pictures[1]).sha256]
    assert [file.name[:64] for file in files(folder)] == sorted(["README", verdict_on(pictures[1]).sha256])


async def test_a_server_that_moves_takes_its_pictures_along(community: Community) -> None:
    old, new, data = "telegram:-5", "telegram:-100200", make_picture()
    await community.rules.change(old, "telegram:user/1", review=True)
    await keep(community.review, data, server=old)
    await community.move(old, new, "telegram:user/1")
    assert await community.review.find(old, verdict_on(data).sha256) is None
    assert await community.review.vote(new, verdict_on(data).sha256, FIRST, True)
    assert await community.review.purge() == 0


# The folder


async def test_with_a_key_nothing_in_the_folder_shows_the_picture(review: Review, folder: Path) -> None:
    data = make_picture()
    await keep(review, data)
    [file] = files(folder)
    assert file.name == verdict_on(data).sha256 + ".fernet"
    assert file.read_bytes()[:4] != data[:4] and data[200:220] not in file.read_bytes()
    assert [stat.S_IMODE(path.stat().st_mode) for path in (file, file.parent)] == [0o600, 0o700]


def test_without_a_key_it_is_readable_by_the_owner_only(folder: Path) -> None:
    data = make_picture()
    sha256 = verdict_on(data).sha256
    box = Strongbox(folder, Secret())
    box.put(sha256, data)
    assert not box.encrypted and box.get(sha256) == data
    assert [stat.S_IMODE(file.stat().st_mode) for file in files(folder)] == [0o600]
    locked = Strongbox(folder, Secret("later there is a key"))
    assert locked.get(sha256) == data
    box.remove(sha256)
    with pytest.raises(FileNotFoundError):
        box.get(sha256)


def test_another_key_none_or_a_changed_file_reads_nothing(folder: Path) -> None:
    data = make_picture()
    sha256 = verdict_on(data).sha256
    Strongbox(folder, Secret("one")).put(sha256, data)
    for key in ("two", ""):
        with pytest.raises(Unreadable, match="REVIEW_KEY"):
            Strongbox(folder, Secret(key)).get(sha256)
    [file] = files(folder)
    file.write_bytes(file.read_bytes()[:-8] + b"AAAAAAA=")
    with pytest.raises(Unreadable):
        Strongbox(folder, Secret("one")).get(sha256)
    file.rename(folder / sha256)
    with pytest.raises(Unreadable, match="changed"):
        Strongbox(folder, Secret()).get(sha256)


def test_a_key_without_the_package_is_said_at_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.community.strongbox._library", lambda: None)
    with pytest.raises(SettingsError, match='extra "review"'):
        Strongbox(folder, Secret("one"))
    assert not Strongbox(folder, Secret()).encrypted
