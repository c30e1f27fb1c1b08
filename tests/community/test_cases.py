"""Cases, appeals and decisions: whose they are, how often, and what counts as a vote."""

import asyncio
from dataclasses import replace

import pytest

from bot.community import Cases, Decision
from bot.errors import Refusal
from bot.store import DAY, Store
from bot.verdict import Arrival, Bands, Label, Verdict

SERVER, OTHER = "discord:10", "discord:11"
ANNA, BEN = "discord:user/1", "discord:user/2"
MODERATOR, SECOND = "discord:user/8", "discord:user/9"
LINK = "https://discord.com/channels/10/1/2"
VERDICT = Verdict(Label.AI, 0.9, 0.9, "wild-3", Bands(0.2, 0.8), "ab" * 32, Arrival.ORIGINAL, 70, 800, 600)


def picture(number: int) -> Verdict:
    return replace(VERDICT, sha256=f"{number:064x}")


@pytest.fixture
def cases(store: Store) -> Cases:
    return Cases(store)


async def refused(reason: str, work: object) -> Refusal:
    with pytest.raises(Refusal) as caught:
        await work  # type: ignore[misc]
    assert caught.value.reason == reason
    assert str(caught.value).endswith((".", ")"))
    return caught.value


async def test_the_same_picture_by_the_same_author_is_one_case(cases: Cases) -> None:
    case = await cases.open(SERVER, VERDICT, ANNA, LINK)
    assert (case.server, case.sha256, case.model, case.author, case.link) == (SERVER, "ab" * 32, "wild-3", ANNA, LINK)
    assert (case.appeal, case.decision, case.decided_by, case.log_message, case.label) == (None,) * 4 + (Label.AI,)
    assert await cases.open(SERVER, VERDICT, ANNA, "another link") == case
    others = [
        await cases.open(OTHER, VERDICT, ANNA, LINK),
        await cases.open(SERVER, VERDICT, BEN, LINK),
        await cases.open(SERVER, picture(1), ANNA, LINK),
    ]
    assert len({case.id, *(other.id for other in others)}) == 4


async def test_an_id_means_nothing_in_another_server(cases: Cases) -> None:
    case = await cases.open(SERVER, VERDICT, ANNA, LINK)
    assert await cases.find(OTHER, case.id) is None
    await refused("no-case", cases.decide(OTHER, case.id, MODERATOR, Decision.WRONG))
    await refused("no-case", cases.appeal(OTHER, VERDICT.sha256, ANNA, "mine"))
    await cases.note(OTHER, case.id, log_message="1/2")
    assert await cases.find(SERVER, case.id) == case


async def test_a_forgotten_id_never_means_another_case(cases: Cases, store: Store) -> None:
    case = await cases.open(SERVER, VERDICT, ANNA, LINK)
    await store.change("DELETE FROM cases")
    assert (await cases.open(SERVER, picture(1), BEN, LINK)).id > case.id


async def test_where_a_case_stands_in_the_log_is_noted(cases: Cases) -> None:
    case = await cases.open(SERVER, VERDICT, ANNA, LINK)
    await cases.note(SERVER, case.id, log_message="7/42")
    found = await cases.find(SERVER, case.id)
    assert found is not None and found.log_message == "7/42"


async def test_only_the_author_appeals_and_only_once(cases: Cases) -> None:
    await refused("no-case", cases.appeal(SERVER, VERDICT.sha256, ANNA, ""))
    case = await cases.open(SERVER, VERDICT, ANNA, LINK)
    await refused("not-author", cases.appeal(SERVER, VERDICT.sha256, BEN, "not mine"))
    await refused("no-case", cases.appeal(SERVER, VERDICT.sha256[:8], ANNA, "too short a hash"))
    appealed = await cases.appeal(SERVER, VERDICT.sha256[:32], ANNA, "  I painted it  ")
    assert (appealed.id, appealed.appeal) == (case.id, "I painted it")
    await refused("appealed", cases.appeal(SERVER, VERDICT.sha256, ANNA, "again"))
    found = await cases.find(SERVER, case.id)
    assert found is not None and found.appeal == "I painted it"


async def test_whether_an_appeal_is_possible_can_be_asked_before_the_reason(cases: Cases) -> None:
    case = await cases.open(SERVER, VERDICT, ANNA, LINK)
    assert await cases.appealable(SERVER, VERDICT.sha256[:32], ANNA) == case
    await refused("no-case", cases.appealable(OTHER, VERDICT.sha256, ANNA))
    await refused("not-author", cases.appealable(SERVER, VERDICT.sha256, BEN))
    assert await cases.find(SERVER, case.id) == case  # asking changes nothing
    await cases.appeal(SERVER, VERDICT.sha256, ANNA, "")
    await refused("appealed", cases.appealable(SERVER, VERDICT.sha256, ANNA))


async def test_two_presses_at_once_are_one_appeal(cases: Cases) -> None:
    await cases.open(SERVER, VERDICT, ANNA, LINK)
    results = await asyncio.gather(
        *(cases.appeal(SERVER, VERDICT.sha256, ANNA, str(n)) for n in range(4)), return_exceptions=True
    )
    assert sum(isinstance(result, Refusal) for result in results) == 3


async def test_each_author_of_the_same_picture_has_an_own_case(cases: Cases) -> None:
    await cases.open(SERVER, VERDICT, ANNA, LINK)
    mine = await cases.open(SERVER, VERDICT, BEN, LINK)
    assert (await cases.appeal(SERVER, VERDICT.sha256, BEN, "")).id == mine.id


async def test_five_appeals_a_day_are_enough(cases: Cases, store: Store) -> None:
    for number in range(7):
        await cases.open(SERVER, picture(number), ANNA, LINK)
    await cases.open(SERVER, picture(0), BEN, LINK)
    for number in range(5):
        await cases.appeal(SERVER, picture(number).sha256, ANNA, "")
    await refused("too-many-appeals", cases.appeal(SERVER, picture(5).sha256, ANNA, ""))
    await cases.appeal(SERVER, picture(0).sha256, BEN, "")
    await store.change("UPDATE cases SET appealed = appealed - ? WHERE author = ?", (DAY + 1, ANNA))
    await cases.appeal(SERVER, picture(5).sha256, ANNA, "")


async def test_five_at_once_are_no_way_around_it(cases: Cases) -> None:
    for number in range(8):
        await cases.open(SERVER, picture(number), ANNA, LINK)
    results = await asyncio.gather(
        *(cases.appeal(SERVER, picture(number).sha256, ANNA, "") for number in range(8)), return_exceptions=True
    )
    assert sum(isinstance(result, Refusal) for result in results) == 3


async def test_a_case_is_decided_once_and_the_decision_is_a_vote(cases: Cases, store: Store) -> None:
    case = await cases.open(SERVER, VERDICT, ANNA, LINK)
    decided = await cases.decide(SERVER, case.id, MODERATOR, Decision.WRONG)
    assert (decided.decision, decided.decided_by) == (Decision.WRONG, MODERATOR)
    await refused("decided", cases.decide(SERVER, case.id, MODERATOR, Decision.WRONG))
    await refused("decided", cases.decide(SERVER, case.id, SECOND, Decision.RIGHT))
    assert await votes(store) == [(MODERATOR, "real")]


async def test_with_review_another_moderator_may_still_vote(cases: Cases, store: Store) -> None:
    case = await cases.open(SERVER, VERDICT, ANNA, LINK)
    await cases.decide(SERVER, case.id, MODERATOR, Decision.WRONG, review=True)
    after = await cases.decide(SERVER, case.id, SECOND, Decision.RIGHT, review=True)
    assert (after.decision, after.decided_by) == (Decision.WRONG, MODERATOR)
    await refused("decided", cases.decide(SERVER, case.id, SECOND, Decision.WRONG, review=True))
    await refused("decided", cases.decide(SERVER, case.id, MODERATOR, Decision.RIGHT, review=True))
    assert await votes(store) == [(MODERATOR, "real"), (SECOND, "ai")]


async def test_what_counts_as_a_vote(cases: Cases, store: Store) -> None:
    unsure = await cases.open(SERVER, replace(VERDICT, label=Label.UNSURE), ANNA, LINK)
    await cases.decide(SERVER, unsure.id, MODERATOR, Decision.WRONG)  # wrong in which way is not said
    real = await cases.open(SERVER, replace(picture(1), label=Label.REAL), ANNA, LINK)
    await cases.decide(SERVER, real.id, MODERATOR, Decision.WRONG)
    own = await cases.open(SERVER, picture(2), MODERATOR, LINK)
    decided = await cases.decide(SERVER, own.id, MODERATOR, Decision.WRONG)
    assert decided.decision is Decision.WRONG
    assert await votes(store) == [(MODERATOR, "ai")]


async def test_a_vote_that_was_cut_off_can_be_given_again(cases: Cases, store: Store) -> None:
    case = await cases.open(SERVER, VERDICT, ANNA, LINK)
    await cases.decide(SERVER, case.id, MODERATOR, Decision.RIGHT)
    await store.change("DELETE FROM votes")  # as if Candid had ended between the two
    await cases.decide(SERVER, case.id, MODERATOR, Decision.RIGHT)
    assert await votes(store) == [(MODERATOR, "ai")]


async def test_ignoring_closes_the_appeal_and_mutes_the_author_here_for_a_week(cases: Cases, store: Store) -> None:
    case = await cases.open(SERVER, VERDICT, ANNA, LINK)
    await cases.appeal(SERVER, VERDICT.sha256, ANNA, "please")
    assert (await cases.decide(SERVER, case.id, MODERATOR, Decision.IGNORED)).decision is Decision.IGNORED
    assert await votes(store) == []
    for server in (SERVER, OTHER):
        await cases.open(server, picture(1), ANNA, LINK)
    await cases.open(SERVER, picture(1), BEN, LINK)
    await refused("muted", cases.appeal(SERVER, picture(1).sha256, ANNA, ""))
    await cases.appeal(OTHER, picture(1).sha256, ANNA, "")
    await cases.appeal(SERVER, picture(1).sha256, BEN, "")
    await store.change("UPDATE mutes SET ends = ends - ?", (7 * DAY + 1,))
    await cases.appeal(SERVER, picture(1).sha256, ANNA, "")


async def test_an_appeal_opens_again_what_was_found_right_before(cases: Cases) -> None:
    case = await cases.open(SERVER, VERDICT, ANNA, LINK)
    await cases.decide(SERVER, case.id, MODERATOR, Decision.RIGHT)
    appealed = await cases.appeal(SERVER, VERDICT.sha256, ANNA, "look again")
    assert (appealed.decision, appealed.decided_by) == (None, None)
    assert (await cases.decide(SERVER, case.id, SECOND, Decision.WRONG)).decision is Decision.WRONG
    wrong = await cases.open(SERVER, picture(1), ANNA, LINK)
    await cases.decide(SERVER, wrong.id, MODERATOR, Decision.WRONG)
    await refused("decided", cases.appeal(SERVER, picture(1).sha256, ANNA, "needless"))


async def test_after_an_appeal_a_moderator_may_think_otherwise(cases: Cases, store: Store) -> None:
    case = await cases.open(SERVER, VERDICT, ANNA, LINK)
    await cases.decide(SERVER, case.id, MODERATOR, Decision.RIGHT)
    await cases.appeal(SERVER, VERDICT.sha256, ANNA, "the layers of my drawing")
    await cases.decide(SERVER, case.id, MODERATOR, Decision.WRONG)
    assert await votes(store) == [(MODERATOR, "real")]


async def test_whoever_a_log_may_name_is_found_in_all_servers(cases: Cases) -> None:
    plain = await cases.open(SERVER, VERDICT, ANNA, LINK)
    appealed = await cases.open(OTHER, VERDICT, ANNA, LINK)
    decided = await cases.open(SERVER, picture(1), BEN, LINK)
    unlogged = await cases.open(SERVER, picture(2), ANNA, LINK)
    strange = await cases.open(SERVER, picture(3), BEN, LINK)
    for case in (plain, appealed, decided, strange):
        await cases.note(case.server, case.id, log_message=f"7/{case.id}")
    await cases.appeal(OTHER, VERDICT.sha256, ANNA, "mine")
    await cases.decide(SERVER, decided.id, ANNA, Decision.RIGHT)
    found = [case.id for case in await cases.naming(ANNA)]
    assert found == [appealed.id, decided.id, plain.id] and unlogged.id not in found
    assert [case.id for case in await cases.naming(MODERATOR)] == []


async def test_an_author_finds_the_own_case_by_the_picture(cases: Cases) -> None:
    for server in (SERVER, OTHER):
        await cases.open(server, VERDICT, ANNA, LINK)
    await cases.open("discord:12", VERDICT, BEN, LINK)
    own = await cases.own(ANNA, VERDICT.sha256[:32])
    assert own is not None and (own.server, own.author) == (OTHER, ANNA)  # the newest
    for sha256 in (VERDICT.sha256[:31], "", "%" * 32, picture(1).sha256):
        assert await cases.own(ANNA, sha256) is None
    assert await cases.own(MODERATOR, VERDICT.sha256) is None


async def test_a_server_that_moves_takes_its_cases_along(cases: Cases) -> None:
    case = await cases.open("telegram:-5", VERDICT, "telegram:user/1", LINK)
    await cases.move("telegram:-5", "telegram:-100200")
    assert await cases.find("telegram:-5", case.id) is None
    assert await cases.find("telegram:-100200", case.id) == replace(case, server="telegram:-100200")


async def votes(store: Store) -> list[tuple[str, str]]:
    rows = await store.rows("SELECT moderator, label FROM votes ORDER BY voted, moderator")
    return [(row["moderator"], row["label"]) for row in rows]
