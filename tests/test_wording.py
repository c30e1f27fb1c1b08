"""Every sentence is there, says what it should, and is never surer than it may be."""

import re
from dataclasses import replace
from pathlib import Path
from string import Formatter

import pytest

from bot import colours, intake
from bot.core import ModelInfo
from bot.record import Record, record
from bot.verdict import Arrival, Bands, Basis, Finding, Label, Strength, Verdict, ViewScore
from bot.wording import about, duration, in_language, percent, refuse, refused, say, score, why, words

BOT = Path(__file__).parent.parent / "bot"
VERDICT = Verdict(
    label=Label.AI,
    confidence=0.9,
    p_ai=0.9,
    model="wild-3",
    bands=Bands(real=0.2, ai=0.8),
    sha256="ab" * 32,
    arrival=Arrival.ORIGINAL,
    milliseconds=70,
    width=800,
    height=600,
    views=(ViewScore("overview", (0, 0, 600, 600), 0.85), ViewScore("native", (0, 0, 192, 192), 0.95)),
)
UNSURE = replace(VERDICT, label=Label.UNSURE, p_ai=0.6, confidence=0.6)
BY_FILE = replace(UNSURE, label=Label.AI, basis=Basis.FILE)


def test_the_three_answers_differ_in_symbol_and_title() -> None:
    said = [words(replace(VERDICT, label=label)) for label in Label]
    assert [one.title for one in said] == ["Likely AI-generated", "Likely real", "Can't tell"]
    assert len({one.symbol for one in said}) == 3


@pytest.mark.parametrize("label", list(Label))
def test_an_answer_is_a_signal_and_names_its_model(label: Label) -> None:
    said = words(replace(VERDICT, label=label))
    assert "wild-3" in said.footer
    assert ("never proof" in said.honest) == (label is not Label.UNSURE)


@pytest.mark.parametrize(("share", "shown"), [(0.0, 1), (0.004, 1), (0.873, 87), (0.995, 99), (1.0, 99)])
def test_no_figure_is_ever_0_or_100(share: float, shown: int) -> None:
    assert percent(share) == shown


def test_a_sure_verdict_never_says_100_percent() -> None:
    said = words(replace(VERDICT, confidence=1.0, p_ai=1.0))
    assert said.confidence == "99 % sure"
    assert not re.search(r"\b100 %", why(replace(VERDICT, p_ai=1.0)))


@pytest.mark.parametrize(
    ("p_ai", "shown"), [(0.798, 79), (0.8, 80), (0.202, 21), (0.2, 20), (0.5, 50), (1.0, 99), (0.0, 1)]
)
def test_a_score_is_not_rounded_over_the_edge_of_a_band(p_ai: float, shown: int) -> None:
    assert score(replace(VERDICT, p_ai=p_ai)) == shown


def test_only_an_unsure_verdict_on_a_lesser_copy_has_advice() -> None:
    assert "as a file" in (words(replace(UNSURE, arrival=Arrival.RECOMPRESSED)).advice or "")
    assert words(replace(UNSURE, arrival=Arrival.PREVIEW)).advice
    assert words(UNSURE).advice is None
    assert words(replace(VERDICT, arrival=Arrival.RECOMPRESSED)).advice is None


def test_a_verdict_by_the_file_gives_no_percentage_of_the_pixels() -> None:
    said = words(BY_FILE)
    assert said.title == "Likely AI-generated"
    assert "%" not in said.confidence
    assert "file" in said.confidence
    assert "file" in said.honest


def test_why_gives_the_bands_the_views_and_what_the_file_says_apart() -> None:
    verdict = replace(
        BY_FILE,
        evidence=(Finding("parameters", "Settings of a generator.", Strength.SELF_DECLARED),),
        notes=(intake.FIRST_FRAME,),
    )
    lines = why(verdict).splitlines()
    assert any("60 of 100" in line for line in lines)
    assert any("20" in line and "80" in line for line in lines)
    assert any("as a whole" in line and "85" in line for line in lines)
    assert any("close up" in line and "95" in line for line in lines)
    assert any("Settings of a generator." in line and "isn't signed" in line for line in lines)
    assert say("note.first-frame") in lines
    assert say("why.by-file") in lines
    assert say("why.by-file") not in why(VERDICT)


def tier(accused: object, recall: object) -> dict[str, object]:
    return {"false_accusations": {"value": accused, "of": 500}, "recall": {"value": recall, "of": 500}}


CARD = {"metrics": {"tiers": {"clean": tier(0.0051, 0.62), "telegram": tier(0.012, 0.5), "hard": tier(0, 1)}}}


@pytest.mark.parametrize(
    ("arrival", "accused", "found"),
    [(Arrival.ORIGINAL, 5, 62), (Arrival.RECOMPRESSED, 12, 50), (Arrival.PREVIEW, 1, 99)],
)
def test_why_says_how_the_model_does_on_pictures_that_come_this_way(arrival: Arrival, accused: int, found: int) -> None:
    verdict = replace(VERDICT, arrival=arrival)
    known = record(verdict, ModelInfo("wild-3", Bands(0.2, 0.8), CARD))
    line = next(line for line in why(verdict, record=known).splitlines() if "this model" in line)
    assert f"calls about {accused} AI-generated" in line
    assert f"finds about {found}" in line


@pytest.mark.parametrize(
    "card",
    [
        {},
        {"metrics": {}},
        {"metrics": None},
        {"metrics": {"tiers": []}},
        {"metrics": {"tiers": {"telegram": tier(0.1, 0.5)}}},
        {"metrics": {"tiers": {"clean": {"recall": 0.5}}}},
        *(
            {"metrics": {"tiers": {"clean": tier(*odd)}}}
            for odd in [(None, 0.5), (0.1, float("nan")), ("1", 1), (2, 1)]
        ),
    ],
)
def test_without_figures_why_says_nothing_about_them(card: dict[str, object]) -> None:
    known = record(VERDICT, ModelInfo("wild-3", Bands(0.2, 0.8), card))
    assert known is None
    assert why(VERDICT, record=known) == why(VERDICT)


def test_the_figures_of_another_model_are_not_those_of_this_verdict() -> None:
    assert record(VERDICT, ModelInfo("wild-4", Bands(0.2, 0.8), CARD)) is None
    assert record(VERDICT, ModelInfo("wild-3", Bands(0.2, 0.8), CARD)) == Record(0.0051, 0.62)


@pytest.mark.parametrize(
    "note", [intake.FIRST_FRAME, intake.REDUCED, colours.ALPHA_ON_WHITE, colours.COLOURS_CONVERTED]
)
def test_every_note_of_the_intake_has_its_sentence(note: str) -> None:
    assert say(f"note.{note}").endswith(".")


def test_about_names_the_model_and_its_bands() -> None:
    text = about(ModelInfo("wild-3", Bands(0.2, 0.8), {}))
    assert "wild-3" in text
    assert "20" in text
    assert "80" in text
    assert "never proof" in text


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1, "a second"), (2, "2 seconds"), (90, "90 seconds"), (91, "2 minutes"), (121, "3 minutes")],
)
def test_times_to_wait_are_rounded_up(seconds: int, words: str) -> None:
    assert duration(seconds) == words


def test_a_language_without_sentences_is_answered_in_english() -> None:
    assert words(VERDICT, "xx-YY") == words(VERDICT, "en")
    assert say("error", "../../etc", id=1) == say("error", id=1)


def test_a_sentence_that_is_missing_is_a_bug() -> None:
    with pytest.raises(KeyError):
        say("verdict.nonsense")


def test_every_sentence_that_the_code_names_exists() -> None:
    named = set()
    for path in BOT.rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        named |= set(re.findall(r"""(?<![.\w])(?:say|phrase)\(\s*"([\w.-]+)\"""", source))
        named |= set(re.findall(r"""\brefuse\(\s*"[\w-]+",\s*"([\w.-]+)\"""", source))
    assert len(named) > 50
    for key in sorted(named):
        sentence = _raw(key)
        assert sentence, key
        names = [name for _, name, _, _ in Formatter().parse(sentence) if name is not None]
        assert all(name.isidentifier() for name in names), (key, names)


def _raw(key: str) -> str:
    return say(key)  # without values nothing is filled in


@pytest.mark.parametrize("p_ai", [0.7996, 0.2004])
def test_no_adapter_rounds_an_unsure_score_over_a_band(p_ai: float) -> None:
    from bot.adapters.telegram.answers import compose
    from bot.adapters.web.answer import verdict_json

    verdict = replace(UNSURE, p_ai=p_ai)
    shown = score(verdict)
    assert 20 < shown < 80
    assert f"score {shown} of 100" in compose([verdict], "en").text
    said = verdict_json(verdict, "en")["words"]
    assert isinstance(said, dict)
    assert str(shown) in said["pin"]
    assert f"score of {shown}" in said["scale"]


def test_refusals_are_said_in_any_language_that_has_the_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    from bot import wording
    from bot.errors import Refusal, TryLater
    from bot.limits import later

    english = wording._messages
    other = {
        "refusal.too-small": "Muy pequeña: {width} × {height}, mínimo {least}.",
        "refusal.document": "Esto es {what}.",
        "file.pdf": "un documento PDF",
        "later.user": "Espera {wait}.",
        "duration.seconds": "{count} segundos",
    }
    monkeypatch.setattr(wording, "_messages", lambda language: other if language == "es" else english(language))
    monkeypatch.setattr(wording, "_known", lambda language: language)
    small = refuse("too-small", "refusal.too-small", width=3, height=4, least=32)
    assert refused(small, "es") == "Muy pequeña: 3 × 4, mínimo 32."
    assert refused(small) == str(small)
    document = refuse("document", "refusal.document", what="file.pdf")
    assert refused(document, "es") == "Esto es un documento PDF."
    assert "a PDF document" in str(document)
    assert small.reason == "too-small"
    assert refused(later("user", 20), "es") == "Espera 20 segundos."
    assert refused(later("user", 20)) == str(later("user", 20))
    assert refused(later("queue", 20), "es") == say("later.queue", wait="20 segundos")  # a sentence that it lacks
    assert refused(Refusal("lottie", "Only so."), "es") == "Only so."
    assert refused(TryLater(5, "Only so."), "es") == "Only so."


def test_what_the_file_says_is_said_in_the_readers_language(monkeypatch: pytest.MonkeyPatch) -> None:
    from bot import wording
    from bot.evidence.phrases import found, phrase
    from bot.verdict import from_json, to_json

    english = wording._messages
    other = {
        "evidence.credentials-generated": "Credenciales: hecho con IA{tools}.",
        "evidence.credentials-signed": "Firmado por {signer}, que está en {trust}.",
        "evidence.trust-c2pa": "la lista C2PA",
        "why.signed": "· {says}",
    }
    monkeypatch.setattr(wording, "_messages", lambda language: other if language == "es" else english(language))
    monkeypatch.setattr(wording, "_known", lambda language: language)
    signed = found(
        "credentials-generated",
        Strength.SIGNED,
        phrase("evidence.credentials-generated", tools=" ({a tool})"),
        phrase("evidence.credentials-signed", signer="ACME", trust="evidence.trust-c2pa"),
    )
    assert signed.says.startswith("Content Credentials: generated with AI ({a tool}). Signed by ACME")
    assert "the C2PA trust list" in signed.says
    old = Finding("parameters", "Settings of a generator.", Strength.SELF_DECLARED)  # as an earlier version kept it
    verdict = replace(BY_FILE, evidence=(signed, old))
    assert from_json(to_json(verdict)) == verdict
    said = in_language(from_json(to_json(verdict)), "es")
    assert (
        said.evidence[0].says == "Credenciales: hecho con IA ({a tool}). Firmado por ACME, que está en la lista C2PA."
    )
    assert said.evidence[1] == old
    assert "· Credenciales" in why(verdict, "es")
    assert in_language(verdict, "en") is verdict


def test_a_verdict_that_an_earlier_version_kept_can_be_read() -> None:
    from bot.verdict import from_json, to_json

    row = to_json(replace(BY_FILE, evidence=(Finding("parameters", "Settings.", Strength.SELF_DECLARED),)))
    del row["evidence"][0]["phrases"]
    assert from_json(row).evidence[0].says == "Settings."
