"""One utterance in each of 20 languages through the aligner, CTC targets and error rates: no character is lost."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import numpy as np
import pytest

from curation.align import load_aligner
from curation.text import normalise, spoken_text
from soundwave.evaluate.error_rates import error_rates
from soundwave.model.pretrained import load_tokenizer
from soundwave.model.tokens import TokenTable

UTTERANCES = {
    "en": "We hear the naïve boys' voices ring out.",
    "de": "Größere Straßen führen übers Gebirge.",
    "fr": "L’été dernier, où étais-tu, ma sœur ?",
    "es": "¿Dónde está el niño pequeño?",
    "pt": "A ação não começou amanhã.",
    "pl": "Zażółć gęślą jaźń, proszę.",
    "cs": "Příliš žluťoučký kůň úpěl ďábelské ódy.",
    "tr": "İstanbul'da ILIK bir ağaç gölgesi.",
    "ru": "Съешь ещё этих мягких булок.",
    "uk": "Щастя й здоров’я, п'ять ґудзиків.",
    "el": "Ο καλός άνθρωπος μιλάει σιγά.",
    "ar": "كِتَابٌ جديدٌ على الطاولة.",
    "he": "שָׁלוֹם לְכֻלָּם, צה״ל.",
    "fa": "می‌خواهم کتاب‌ها را بخوانم.",
    "hi": "मैं हिन्दी में किताबें पढ़ता हूँ।",
    "ta": "நான் தமிழ் மொழி பேசுகிறேன்.",
    "th": "ฉันกำลังเรียนภาษาไทยที่นี่",
    "vi": unicodedata.normalize("NFD", "Tiếng Việt rất đẹp, phải không?"),
    "ko": unicodedata.normalize("NFD", "저는 한국어를 공부합니다."),
    "ja": "私はﾊﾟﾝを食べて、コーヒーを飲みます。",
    "zh": "今天天气很好，我们去公园。",
    "km": "ខ្ញុំ\u200bរៀន\u200bភាសា\u200bខ្មែរ។",
    "lo": "ຂ້ອຍຮຽນພາສາລາວ",
    "my": "ကျွန်တော် မြန်မာစာ လေ့လာသည်။",
    "bo": "བོད་ཡིག་སློབ་སྦྱོང་བྱེད།",
}
UNSPACED = {"th", "ja", "zh", "km", "lo", "my", "bo"}


def letters(text: str) -> list[str]:
    """Letters and marks in lower case, as English spells them or as they are."""
    return [sign for sign in text if unicodedata.category(sign)[0] in "LM"]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    """A random Wav2Vec2ForCTC of one layer that spells all letters of the utterances."""
    import torch
    from transformers import Wav2Vec2Config, Wav2Vec2CTCTokenizer, Wav2Vec2FeatureExtractor, Wav2Vec2ForCTC

    folder = tmp_path_factory.mktemp("checkpoint")
    known = sorted({sign for code, text in UTTERANCES.items() for sign in spoken_text(text, code) if sign != " "})
    vocabulary = {token: number for number, token in enumerate(["<pad>", "<s>", "</s>", "<unk>", "|", *known])}
    (folder / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    Wav2Vec2CTCTokenizer(str(folder / "vocab.json")).save_pretrained(folder)
    Wav2Vec2FeatureExtractor(feature_size=1, do_normalize=True).save_pretrained(folder)
    torch.manual_seed(0)
    config = Wav2Vec2Config(
        vocab_size=len(vocabulary),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        conv_dim=(8, 8),
        conv_stride=(20, 16),
        conv_kernel=(20, 16),
        num_feat_extract_layers=2,
        num_conv_pos_embeddings=8,
        num_conv_pos_embedding_groups=2,
    )
    Wav2Vec2ForCTC(config).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("language", UTTERANCES)
def test_the_aligner_gives_each_letter_a_time(language, checkpoint):
    text = UTTERANCES[language]
    words = normalise(text, language)
    samples = np.random.default_rng(0).normal(0, 0.1, 16000 * 5).astype(np.float32)
    found = load_aligner("hf-ctc", model=str(checkpoint)).align(samples, words)
    assert [word.position for word in found] == [at for at, word in enumerate(words) if word.readings]
    assert not any(word.wildcard for word in found)
    covered = "".join(words[word.position].text for word in found)
    assert letters(covered) == letters(text)


@pytest.mark.parametrize("language", UTTERANCES)
def test_a_target_spells_each_letter(language, tiny_llm):
    text = UTTERANCES[language]
    spoken = spoken_text(text, language)
    table = TokenTable(load_tokenizer(str(tiny_llm)), None)
    for unit in ("letters", "tokens"):
        assert table.decode(table.encode(spoken, unit)) == spoken
    composed = unicodedata.normalize("NFKC" if language == "ja" else "NFC", text)
    if language == "en":
        composed = composed.replace("ï", "i")
    assert len(letters(spoken)) == len(letters(composed))
    assert " " not in spoken or language not in UNSPACED - {"my", "bo"}


@pytest.mark.parametrize("language", UTTERANCES)
def test_error_rates_see_each_letter(language):
    text = UTTERANCES[language]
    spoken = spoken_text(text, language)
    rates = error_rates([text], [spoken], languages=[language])
    assert rates.wer == rates.cer == 0
    assert rates.unit == ("characters" if language in UNSPACED else "words")
    for at, sign in enumerate(spoken):
        if sign in letters(spoken):
            lost = error_rates([text], [spoken[:at] + spoken[at + 1 :]], languages=[language])
            assert lost.wer > 0 < lost.cer, spoken[:at] + "_" + spoken[at + 1 :]
    if language in UNSPACED:
        assert rates.words == len(letters(spoken))
