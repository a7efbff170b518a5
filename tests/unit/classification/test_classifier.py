"""What the classifier says of comments, language by language and trick by trick. Own comments, nobody's else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import classification
from benchmarks.classification import accuracy, by_language, judge, macro_f1, own_comments, sure
from classification.classifier import (
    PARALLEL_FROM,
    Classifier,
    Reading,
    classify_many,
    classify_table,
    combine,
    read_text,
)
from classification.lexicon import LANGUAGES, Lexicon, LexiconError, entries, lexicon, model_version, presets
from data_contracts.reasons import reason_classes

ROOT = Path(__file__).parents[3]


def said(text: str, language: str | None = "en", product: str | None = None) -> str:
    return read_text(text, language, product).reason_class


# --- the words


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en", "Runs small, I normally wear a medium", "size_fit"),
        ("en", "Just not my style", "style_preference"),
        ("en", "Stopped working after two days", "defective"),
        ("en", "Poor quality, falls apart in the wash", "quality"),
        ("en", "Looks nothing like the picture", "not_as_described"),
        ("en", "Does not fit my iPhone", "not_compatible"),
        ("en", "They sent the wrong color", "wrong_item"),
        ("en", "Two screws were missing", "missing_parts"),
        ("en", "Arrived cracked, box was crushed", "damaged"),
        ("en", "Clearly used, the seal was open", "used_or_counterfeit"),
        ("en", "Never arrived", "late_or_undelivered"),
        ("en", "No longer needed", "changed_mind"),
        ("en", "Found it cheaper elsewhere", "better_price"),
        ("en", "Too difficult to assemble, no instructions", "hard_to_use"),
        ("en", "Gave me a rash", "safety_health"),
        ("de", "Fällt viel zu klein aus", "size_fit"),
        ("de", "Lässt sich nicht mehr einschalten", "defective"),
        ("fr", "La couleur ne me plaît pas", "style_preference"),
        ("fr", "Colis jamais reçu", "late_or_undelivered"),
        ("es", "Faltan dos tornillos", "missing_parts"),
        ("es", "Llegó roto", "damaged"),
        ("it", "Non corrisponde alla descrizione", "not_as_described"),
        ("it", "Comprato per errore", "changed_mind"),
        ("ja", "サイズが合いませんでした", "size_fit"),
        ("ja", "電源が入らなくなりました", "defective"),
        ("zh", "质量太差，用两天就坏了", "defective"),
        ("zh", "和图片完全不一样", "not_as_described"),
        ("zh", "質量很差", "quality"),  # traditional characters
    ],
)
def test_each_language_reads_its_reasons(language: str, text: str, expected: str) -> None:
    assert said(text, language) == expected


@pytest.mark.parametrize(
    ("language", "text", "not_this"),
    [
        ("en", "It is not too small", "size_fit"),
        ("en", "No scratches, nothing missing", "damaged"),
        ("en", "Caused no irritation at all", "safety_health"),
        ("de", "Keine Kratzer, nichts kaputt", "damaged"),
        ("de", "Ohne Probleme montiert", "hard_to_use"),
        ("fr", "Aucun défaut, rien à redire", "quality"),
        ("es", "Sin arañazos, todo perfecto", "damaged"),
        ("it", "Non è troppo grande", "size_fit"),
        ("ja", "傷もなく、問題ありませんでした", "damaged"),
        ("zh", "没有异味，也没过敏", "safety_health"),
    ],
)
def test_what_is_denied_is_no_reason(language: str, text: str, not_this: str) -> None:
    assert said(text, language) != not_this


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "works"), ("de", "funktioniert"), ("fr", "ça marche"), ("es", "funciona"), ("ja", "動きます"),
    ],
)  # fmt: skip
def test_a_negation_turns_work_into_a_defect(language: str, text: str) -> None:
    negated = {"works": "does not work", "funktioniert": "funktioniert nicht", "ça marche": "ça ne marche pas",
               "funciona": "no funciona", "動きます": "動きません"}[text]  # fmt: skip
    assert said(text, language) != "defective"
    assert said(negated, language) == "defective"


def test_a_closed_phrase_is_not_turned_by_another_negation() -> None:
    assert said("Jamais reçu, pas de réponse", "fr") == "late_or_undelivered"


def test_after_but_counts_more() -> None:
    assert said("Color is a bit different, but it is way too small, I could not get it on") == "size_fit"
    verdict = read_text("Beautiful dress, but too small", "en")
    assert verdict.reason_class == "size_fit"


def test_the_reason_given_first_is_primary_and_the_next_secondary() -> None:
    first = read_text("Too small. Also the zipper is broken.", "en")
    assert (first.reason_class, first.secondary) == ("size_fit", "defective")
    other = read_text("The zipper is broken. Also too small.", "en")
    assert (other.reason_class, other.secondary) == ("defective", "size_fit")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("recieved wrogn item", "wrong_item"),
        ("verry poor qualitty", "quality"),
        ("product is damamged", "damaged"),
        ("not as discribed", "not_as_described"),
        ("toooo smallll", "size_fit"),
        ("doesnt work", "defective"),
    ],
)
def test_misspellings_are_read(text: str, expected: str) -> None:
    assert said(text) == expected


def test_accents_and_spellings_may_be_left_out() -> None:
    assert said("GROESSE PASST NICHT", "de") == said("Größe passt nicht", "de") == "size_fit"
    assert said("le colis est arrive casse", "fr") == said("Le colis est arrivé cassé", "fr") == "damaged"
    assert said("no funciono nunca", "es") == said("No funcionó nunca", "es") == "defective"


def test_accents_that_make_another_word_are_kept_apart() -> None:
    assert said("Cela m'aurait facilité la tâche", "fr") != "damaged"


@pytest.mark.parametrize(
    "text",
    ["Doesn&#39;t work", "Doesn&amp;#39;t work", "Doesn’t work", "<p>Doesn't <b>work</b></p>", "DOESN'T WORK!!!"],
)
def test_entities_markup_and_quotes_are_resolved(text: str) -> None:
    reading = read_text(text, "en")
    assert reading.reason_class == "defective"
    assert "work" in " ".join(reading.deciding_words).lower()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Not Compatible|Wifi", "not_compatible"),
        ("Not as Expected|Would not stay connected to my wifi|No", "defective"),
        ("Changed Mind|My needs changed", "changed_mind"),
        ("Not as Expected", "not_as_described"),
        ("Defective|Too small for my feet", "size_fit"),
        ("Zu klein|Nein", "size_fit"),
        ("Other|", "unclear"),
    ],
)
def test_survey_answers_and_free_text(text: str, expected: str) -> None:
    assert said(text, None) == expected


@pytest.mark.parametrize("text", ["", "   ", "...", "👍", "!!!", None])
def test_blank_text_is_surely_unclear(text: str | None) -> None:
    verdict = Classifier().classify(text)
    assert (verdict.reason_class, verdict.is_sure, verdict.deciding_words) == ("unclear", True, ())


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "no thanks"), ("en", "bad"), ("en", "Great product, love it"), ("en", "I want a refund"),
        ("en", "The plot of the movie was boring"), ("de", "Nicht gut"), ("de", "Alles bestens, gerne wieder"),
        ("fr", "Très bien, je recommande"), ("es", "Malo"), ("it", "Mah"), ("ja", "普通です"), ("zh", "很好，推荐"),
    ],
)  # fmt: skip
def test_what_says_nothing_is_unclear(language: str, text: str) -> None:
    assert said(text, language) == "unclear"


def test_the_product_tells_how_words_are_meant() -> None:
    assert said("Snug and a little short", "en", "Women > Dresses") == "size_fit"
    assert read_text("Long", "en", "Kurtis").reason_class == "size_fit"


def test_deciding_words_are_the_buyers_own() -> None:
    text = "Größe passt leider nicht, Farbe ist schön"
    reading = read_text(text, "de")
    assert reading.reason_class == "size_fit"
    assert reading.deciding_words
    assert all(words in text for words in reading.deciding_words)


# --- languages


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The size is wrong and it does not fit", "en"),
        ("Die Größe ist falsch und passt nicht", "de"),
        ("La taille n'est pas la bonne", "fr"),
        ("La talla no es la correcta", "es"),
        ("La taglia non è quella giusta", "it"),
        ("O tamanho não é o correto", "pt"),
        ("De maat is niet goed", "nl"),
        ("Storleken är inte rätt", "sv"),
        ("Rozmiar nie jest dobry", "pl"),
        ("サイズが違います", "ja"),
        ("尺码不对", "zh"),
        ("尺碼不對", "zh"),
        ("Brakuje śrub", "pl"),  # no everyday word: told by the lexicons
        ("Size", "en"),
        ("", "en"),
    ],
)
def test_the_language_is_told_from_the_text(text: str, expected: str) -> None:
    assert read_text(text).language == expected


def test_a_named_language_holds_unless_the_text_is_clearly_another() -> None:
    assert read_text("defekt", "de-DE").language == "de"
    assert read_text("I do not like it, it is not what I want and the size is too small", "de").language == "en"
    assert read_text("サイズが小さい", "en").language == "ja"
    assert read_text("zu klein", "xx").reason_class == "size_fit"


# --- words and codes


def test_words_decide_where_they_name_a_reason_and_conflict_is_flagged() -> None:
    verdict = Classifier().classify("Arrived broken, box crushed", "CR-UNWANTED_ITEM", "en")
    assert verdict.reason_class == verdict.class_by_text == "damaged"
    assert verdict.class_by_code == "changed_mind"
    assert verdict.conflict


def test_a_code_outweighs_words_that_are_not_sure() -> None:
    guess = Reading("quality", 0.6, ("meh",), None, False, "en")
    verdict = combine(guess, "defective")
    assert (verdict.reason_class, verdict.class_by_text, verdict.conflict) == ("defective", "quality", True)
    assert verdict.deciding_words == ()
    assert combine(guess._replace(is_sure=True), "defective").reason_class == "quality"
    assert combine(guess, "unmapped").reason_class == combine(guess, None).reason_class == "quality"
    silent = guess._replace(reason_class="unclear", confidence=1.0, is_sure=True)
    unknown = combine(silent, "unmapped", has_text=False)
    assert (unknown.reason_class, unknown.is_sure, unknown.deciding_words) == ("unmapped", False, ())
    assert combine(silent, None, has_text=False).reason_class == "unclear"
    assert combine(silent, "unmapped").reason_class == "unclear"  # there are words, and they say nothing


def test_the_code_decides_where_the_words_say_nothing() -> None:
    verdict = Classifier().classify("ok", "APPAREL_TOO_SMALL", "en")
    assert (verdict.reason_class, verdict.class_by_text, verdict.class_by_code) == ("size_fit", "unclear", "size_fit")
    assert not verdict.conflict
    assert verdict.deciding_words == ()
    assert Classifier().classify(None, "DEFECTIVE").class_by_text is None


def test_agreement_raises_confidence_and_unknown_codes_change_nothing() -> None:
    alone = Classifier().classify("too small", None, "en")
    agreed = Classifier().classify("too small", "APPAREL_TOO_SMALL", "en")
    unknown = Classifier().classify("too small", "NEW_CODE", "en")
    assert agreed.confidence > alone.confidence
    assert unknown.class_by_code == "unmapped"
    assert (unknown.reason_class, unknown.confidence, unknown.conflict) == ("size_fit", alone.confidence, False)


# --- many


def test_many_are_read_in_order_and_each_distinct_one_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    original = read_text

    def counted(*key: str | None) -> object:
        calls.append(key)
        return original(*key)  # type: ignore[arg-type]

    monkeypatch.setattr("classification.classifier.read_text", counted)
    readings = classify_many(["too small", None, "broken", "too small"] * 3, ["en"] * 12)
    assert [r.reason_class for r in readings[:4]] == ["size_fit", "unclear", "defective", "size_fit"]
    assert readings[:4] == readings[4:8] == readings[8:]
    assert len(calls) == 3


def test_processes_say_the_same_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert PARALLEL_FROM > 1000
    texts = [f"{row['text']} {i}" for i, row in enumerate(own_comments()[:300])]
    alone = classify_many(texts, workers=1)
    monkeypatch.setattr("classification.classifier.PARALLEL_FROM", 10)
    monkeypatch.setattr("classification.classifier._CHUNK", 100)
    assert classify_many(texts, workers=2) == alone


def test_a_table_of_readings() -> None:
    import pyarrow as pa

    table = classify_table(pa.array(["too small", None, "壊れた"]), pa.array(["en", None, "ja"]))
    assert table.column_names == ["class_by_text", "confidence", "is_sure", "deciding_words", "secondary", "language"]
    assert table["class_by_text"].to_pylist() == ["size_fit", "unclear", "defective"]
    assert table["deciding_words"].to_pylist()[0] == ["too small"]
    assert table.schema.field("deciding_words").type == pa.list_(pa.string())


def test_the_same_in_every_process_whatever_the_hash_seed() -> None:
    program = (
        "from benchmarks.classification import own_comments\n"
        "from classification.classifier import read_text\n"
        "print([read_text(row['text'], row['language']) for row in own_comments()[::7]])"
    )
    said_by_seed = {
        subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(said_by_seed) == 1


def test_long_and_strange_texts_do_no_harm() -> None:
    assert said("too small " * 5_000) == "size_fit"
    for text in (
        "\x00\ud83d broken",
        "a" * 100_000,
        "🤷‍♀️" * 999,
        "|" * 500,
        "&" * 500,
        "<" * 500,
        "不" * 3_000,
        "No " * 2_000,
    ):
        assert said(text, None) in reason_classes()


# --- the lexicons


def test_every_lexicon_compiles_and_the_version_is_that_of_its_words() -> None:
    assert {lexicon(name).language for name in LANGUAGES} == set(LANGUAGES)
    assert model_version() == classification.MODEL_VERSION
    assert len(model_version()) == 16
    assert {name for name, _ in presets().values()} <= set(reason_classes())


def test_notation() -> None:
    def forms(notation: str, **macros: str) -> set[tuple[str, ...]]:
        from classification.lexicon import _words

        return set(_words(notation, False, macros))

    assert forms("too small/big") == {("too", "big/small")}
    assert forms("fell (right) off") == {("fell", "right", "off"), ("fell", "off")}
    assert forms("[not] work*", **{"not": "does not|doesnt/wont"}) == {
        ("does", "not", "work*"),
        ("doesnt/wont", "work*"),
    }
    assert forms("sent .. back") == {("sent", "..", "back")}
    assert entries("a b, c # remark\nd,") == ["a b", "c", "d"]


def test_a_mistake_in_a_lexicon_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import classification.lexicon as module

    (tmp_path / "en.toml").write_text('[classes.no_such_class]\nstrong = "x"\n')
    monkeypatch.setattr(module, "FOLDER", tmp_path)
    monkeypatch.setattr(module, "rules_file", lambda: {"concepts": {}, "levels": {"strong": 3.0}})
    with pytest.raises(LexiconError, match=r"en\.toml.*no_such_class"):
        module.lexicon.__wrapped__("en")


def test_only_slips_of_a_typist_are_mended() -> None:
    english: Lexicon = lexicon("en")
    assert english.word("shrinkign").entry is english.word("shrinking").entry is not None
    assert english.word("extensive").entry is None  # not "expensive"
    assert english.word("butter").entry is None  # not "better"


# --- how often it is right, on the project's own comments


def test_own_comments_are_read_right() -> None:
    judged = judge(own_comments())
    assert len(judged) > 2_000
    assert accuracy(judged) >= 0.92
    assert macro_f1(judged) >= 0.92
    assert min(share for share, _ in by_language(judged).values()) >= 0.88
    precision, coverage = sure(judged)
    assert precision >= 0.95
    assert coverage >= 0.5
