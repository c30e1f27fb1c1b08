"""The API over real sockets: answers and status codes."""

import io
import json
import logging
from collections.abc import Sequence
from dataclasses import replace

import aiohttp
import pytest
from PIL import Image

from bot.core import Asker, Checker, Picture
from bot.metrics import Metrics
from bot.settings import ChecksSettings
from bot.store import Store
from bot.wording import say
from model.views import Views
from tests.adapters.web_rig import serving, web_settings
from tests.conftest import FakeDetector, make_picture


async def test_a_picture_as_raw_bytes_gets_the_checkers_verdict(
    web_client: aiohttp.ClientSession, checker: Checker
) -> None:
    data = make_picture(220)
    verdict = await checker.check(Picture(data), Asker("test:1", "test:1"))
    async with web_client.post("/api/check", data=data) as response:
        assert response.status == 200
        answer = await response.json()
    assert answer["label"] == "ai"
    assert answer["p_ai"] == pytest.approx(verdict.p_ai, abs=1e-6)
    assert answer["confidence"] == pytest.approx(verdict.confidence, abs=1e-6)
    assert answer["bands"] == {"real": 0.3, "ai": 0.7}
    assert answer["model"] == "fake-1"
    assert answer["arrival"] == "original"
    assert answer["sha256"] == verdict.sha256
    assert [view["kind"] for view in answer["views"]] == ["overview", "native"]
    assert answer["views"][0]["box"] == [0, 0, 96, 96]
    assert isinstance(answer["milliseconds"], int)
    assert answer["evidence"] == []
    assert answer["notes"] == []
    assert answer["words"]["title"] == "Likely AI-generated"
    assert answer["words"]["honest"]
    assert "fake-1" in answer["words"]["footer"]


async def test_a_form_with_other_fields_around_the_picture(web_client: aiohttp.ClientSession) -> None:
    form = aiohttp.FormData()
    form.add_field("comment", "what is this?")
    form.add_field("image", make_picture(20), filename="x.bin", content_type="text/plain")
    form.add_field("image", b"a second one is not looked at", filename="y.png")
    async with web_client.post("/api/check", data=form) as response:
        assert response.status == 200
        assert (await response.json())["label"] == "real"


async def test_every_note_and_strength_has_words(web_client: aiohttp.ClientSession) -> None:
    frames = [Image.new("RGB", (80, 80), (value, value, value)) for value in (250, 10)]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    async with web_client.post("/api/check", data=out.getvalue()) as response:
        answer = await response.json()
    assert "first-frame" in answer["notes"]
    assert len(answer["words"]["notes"]) == len(answer["notes"])


@pytest.mark.parametrize(
    ("data", "status", "reason"),
    [
        (b"hello, I am a text", 422, "text"),
        (make_picture(side=20), 422, "too-small"),
        (make_picture()[:500], 422, "truncated"),
        (b"", 400, "no-picture"),
    ],
)
async def test_refusals_say_why(web_client: aiohttp.ClientSession, data: bytes, status: int, reason: str) -> None:
    async with web_client.post("/api/check", data=data) as response:
        assert response.status == status
        answer = await response.json()
    assert answer["reason"] == reason
    assert answer["refusal"].endswith(".")


async def test_why_is_a_picture(web_client: aiohttp.ClientSession) -> None:
    form = aiohttp.FormData()
    form.add_field("image", make_picture(230), filename="x.png")
    async with web_client.post("/api/explain", data=form) as response:
        assert (response.status, response.content_type) == (200, "image/png")
        assert response.headers["Cache-Control"] == "no-store"
        whole = Image.open(io.BytesIO(await response.read()))
    async with web_client.post("/api/explain?bare=1", data=make_picture(230)) as response:
        bare = Image.open(io.BytesIO(await response.read()))
    assert bare.size == (96, 96)
    assert whole.height > whole.width >= 480


@pytest.mark.parametrize(
    ("data", "status", "reason"),
    [(b"hello, I am a text", 422, "text"), (make_picture()[:500], 422, "truncated"), (b"", 400, "no-picture")],
)
async def test_why_is_refused_as_a_check_is(
    web_client: aiohttp.ClientSession, data: bytes, status: int, reason: str
) -> None:
    async with web_client.post("/api/explain", data=data) as response:
        assert (response.status, (await response.json())["reason"]) == (status, reason)


async def test_why_has_a_checks_limits(checks: ChecksSettings, detector: FakeDetector, store: Store) -> None:
    strict = replace(checks, per_user_burst=1, per_user_per_minute=1.0, max_bytes=100_000)
    checker = Checker(strict, detector, store, Metrics())
    await checker.start()
    async with serving(web_settings(strict, "a-token"), checker, store) as web:
        async with aiohttp.ClientSession(web.url) as client, client.post("/api/explain", data=b"x") as response:
            assert response.status == 401
        headers = {"Authorization": "Bearer a-token"}
        async with aiohttp.ClientSession(web.url, headers=headers) as client:
            elsewhere = {"Origin": "https://elsewhere.example"}
            async with client.post("/api/explain", data=make_picture(), headers=elsewhere) as response:
                assert response.status == 403
            async with client.post("/api/explain", data=b"x" * 200_000) as response:
                assert response.status == 413
            async with client.post("/api/explain", data=make_picture()) as response:
                assert response.status == 200
            async with client.post("/api/explain", data=make_picture()) as response:
                assert (response.status, (await response.json())["error"]) == (429, "try-later")
                assert int(response.headers["Retry-After"]) > 30
    await checker.close(5)


async def test_a_verdict_says_how_its_model_does_when_the_card_does(
    web_client: aiohttp.ClientSession, detector: FakeDetector
) -> None:
    async with web_client.post("/api/check", data=make_picture()) as response:
        assert (await response.json())["words"]["record"] is None
    tiers = {"clean": {"false_accusations": {"value": 0.004}, "recall": {"value": 0.7}}}
    detector.card.data["metrics"] = {"tiers": tiers}
    async with web_client.post("/api/check", data=make_picture()) as response:
        spoken = (await response.json())["words"]["record"]
    assert "about 4 AI-generated" in spoken
    assert "about 70" in spoken


async def test_a_form_without_a_picture_or_torn(web_client: aiohttp.ClientSession) -> None:
    form = aiohttp.FormData({"picture": "no"})
    form.add_field("other", b"x", filename="x")
    async with web_client.post("/api/check", data=form) as response:
        assert (response.status, (await response.json())["reason"]) == (400, "no-picture")
    for content_type in ("multipart/form-data", "multipart/form-data; boundary=x"):
        headers = {"Content-Type": content_type}
        async with web_client.post("/api/check", data=b"--y\r\ngarbage", headers=headers) as response:
            assert (response.status, (await response.json())["reason"]) == (400, "bad-request")


async def test_before_the_model_is_there(checker: Checker, store: Store) -> None:
    async with serving(web_settings(), None, store) as web, aiohttp.ClientSession(web.url) as client:
        async with client.get("/healthz") as response:
            assert response.status == 200
        for method, path in (
            ("GET", "/readyz"),
            ("GET", "/api/about"),
            ("POST", "/api/check"),
            ("POST", "/api/explain"),
            ("POST", "/api/report"),
        ):
            async with client.request(method, path) as response:
                assert response.status == 503
                assert "Retry-After" in response.headers
                assert "the model" in (await response.json())["text"]
        web.checker = checker
        async with client.get("/readyz") as response:
            assert response.status == 200
        async with client.post("/api/check", data=make_picture()) as response:
            assert response.status == 200


async def test_a_bug_is_logged_with_an_id_and_told_without_details(
    web_client: aiohttp.ClientSession, detector: FakeDetector, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(pictures: Sequence[Views]) -> None:
        raise RuntimeError("the secret inside")

    detector.seen = broken
    with caplog.at_level(logging.ERROR):
        async with web_client.post("/api/check", data=make_picture()) as response:
            assert response.status == 500
            text = await response.text()
    bug = json.loads(text)["bug"]
    assert bug in json.loads(text)["text"]
    assert "secret" not in text
    assert any(bug in record.getMessage() and record.exc_info for record in caplog.records)


async def test_about(web_client: aiohttp.ClientSession) -> None:
    async with web_client.get("/api/about") as response:
        about = await response.json()
    assert about["model"] == "fake-1"
    assert about["bands"] == {"real": 0.3, "ai": 0.7}
    assert about["limits"]["bytes"] == 20_971_520
    assert any("fake-1" in sentence for sentence in about["words"])


async def test_wrong_is_kept_once_per_person_and_picture(web_client: aiohttp.ClientSession, store: Store) -> None:
    async with web_client.post("/api/check", data=make_picture()) as response:
        sha256 = (await response.json())["sha256"]
    for expected in (True, False):
        async with web_client.post("/api/report", json={"sha256": sha256, "says": "real"}) as response:
            assert response.status == 200
            answer = await response.json()
            assert answer["reported"] is expected
            assert answer["text"]
    assert [report["says"] for report in await store.reports(sha256)] == ["real"]
    async with web_client.post("/api/report", json={"sha256": "0" * 64, "says": "ai"}) as response:
        assert response.status == 404


async def test_nobody_reports_for_ever(
    web_client: aiohttp.ClientSession, checker: Checker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.core.REPORTS_A_DAY", 1)
    for data, status in ((make_picture(seed=1), 200), (make_picture(seed=2), 422)):
        sha256 = (await checker.check(Picture(data), Asker("test:1", "test:1"))).sha256
        async with web_client.post("/api/report", json={"sha256": sha256, "says": "real"}) as response:
            assert response.status == status
            answer = await response.json()
    assert answer == {"refusal": say("community.too-many-reports", most=1), "reason": "too-many-reports"}


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"sha256": "%", "says": "ai"}', b"\xff", b'{"sha256":"' + b"0" * 40_000, b"[" * 9000]
)
async def test_reports_that_make_no_sense(web_client: aiohttp.ClientSession, body: bytes) -> None:
    async with web_client.post("/api/report", data=body) as response:
        assert (response.status, (await response.json())["reason"]) == (400, "bad-report")


async def test_metrics_are_shown_unless_switched_off(
    checks: ChecksSettings, detector: FakeDetector, store: Store
) -> None:
    metrics = Metrics()
    checker = Checker(checks, detector, store, metrics)
    await checker.start()
    async with serving(web_settings(checks), checker, store, metrics) as web, aiohttp.ClientSession(web.url) as client:
        async with client.post("/api/check", data=make_picture(250)) as response:
            assert response.status == 200
        async with client.get("/metrics") as response:
            assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
            assert 'candid_verdicts_total{adapter="web",label="ai"} 1.0' in await response.text()
    async with (
        serving(web_settings(metrics=False), checker, store) as web,
        aiohttp.ClientSession(web.url) as client,
        client.get("/metrics") as response,
    ):
        assert response.status == 404
    await checker.close(5)
