"""A tiny LLM with a real byte-level tokenizer, and a small corpus with features and plans."""

import json

import numpy as np
import pytest
import torch

WORDS = ("press", "one", "to", "hear", "the", "message", "pound", "key", "please", "enter", "your", "number")
TEMPLATE = (
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n'}}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


def make_tiny_llm(folder, seed=0):
    """A random Llama of two layers, 32 wide, and a tokenizer whose words are single tokens."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    letters = [f"{space}{letter}" for space in ("", " ") for letter in "abcdefghijklmnopqrstuvwxyz'<>_"]
    trainer = trainers.BpeTrainer(
        vocab_size=500,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    text = [f"{word} {word} {word}" for word in WORDS] * 5
    tokenizer.train_from_iterator(text + [" ".join(letters)] * 3, trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<|im_start|>", eos_token="<|im_end|>", pad_token="<|im_end|>"
    )
    fast.chat_template = TEMPLATE
    fast.save_pretrained(folder)
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(fast),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        tie_word_embeddings=True,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=2,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_llm(tmp_path_factory):
    return make_tiny_llm(tmp_path_factory.mktemp("llm"))


@pytest.fixture(scope="session")
def workspace(tmp_path_factory):
    """A folder with catalog/ (asr, st, sound and qa rows, features, words) and mixtures/speech and mixtures/mixed."""
    return make_workspace(tmp_path_factory.mktemp("workspace"))


def make_workspace(root):
    """Make the folder that `workspace` is."""
    from curation.catalog import build
    from curation.plan import make_plan
    from curation.plan.mixture import Mixture

    rng = np.random.default_rng(0)
    cuts = [_cut(number, rng) for number in range(24)]
    _write_corpus(root, cuts)
    _write_labels(root, cuts, rng)
    build(root / "corpora", root / "labels", root / "catalog")
    for name, tasks in (("speech", {"asr": 1.0}), ("mixed", {"asr": 0.5, "st": 0.2, "sound": 0.2, "qa": 0.1})):
        chosen = ", ".join(f"'{task}'" for task in tasks)
        mixture = Mixture(
            name=name,
            stage="shrinking",
            query=f"SELECT cut_id, task AS domain FROM cuts WHERE split = 'train' AND task IN ({chosen})",
            shares=tasks,
            unit="samples",
            budget=24,
            max_repeats=8,
            batch={"seconds": 8},
            window=4,
            seed=1,
        )
        make_plan(mixture, root / "catalog", root / "mixtures" / name)
    return root


def _cut(number, rng):
    task = "asr" if number < 16 else ("st" if number < 20 else "sound")
    words = [str(word) for word in rng.choice(WORDS, size=3 + number % 3)]
    split = "test" if number % 8 == 7 else "train"
    name = f"tiny-{number:02d}"
    seconds = 0.5 * len(words)
    recording = {
        "id": name,
        "sources": [{"type": "file", "channels": [0], "source": f"{name}.wav"}],
        "sampling_rate": 16000,
        "num_samples": int(16000 * seconds),
        "duration": seconds,
        "channel_ids": [0],
    }
    custom = {"target_text": "please enter", "target_language": "en"} if task == "st" else {}
    custom = {"target_text": "Dog.", "sound": ["Dog barking"]} if task == "sound" else custom
    supervision = {"id": name, "recording_id": name, "start": 0.0, "duration": seconds, "channel": 0, "custom": custom}
    supervision |= {} if task == "sound" else {"text": " ".join(words), "language": "cs" if task == "st" else "en"}
    facts = {"corpus": "tiny", "split": split, "task": task, "domain": task, "license": "CC0-1.0"}
    return {
        "id": name,
        "start": 0.0,
        "duration": seconds,
        "channel": 0,
        "supervisions": [supervision],
        "recording": recording,
        "custom": facts | {"audio_sha256": f"{number:064d}"},
        "type": "MonoCut",
    }


def _write_corpus(root, cuts):
    from manifests.files import write_json, write_jsonl

    corpus = root / "corpora" / "tiny"
    write_jsonl(corpus / "cuts.jsonl.gz", cuts)
    texts = [
        {"id": f"tiny-text-{n}", "corpus": "tiny", "split": "train", "text": "what to press", "target_text": "one",
         "license": "CC0-1.0", "task": "qa", "domain": "qa", "language": "en", "type": "Text"}
        for n in range(4)
    ]  # fmt: skip
    write_jsonl(corpus / "texts.jsonl.gz", texts)
    info = {"name": "tiny", "title": "Tiny", "license": "CC0-1.0", "makers": "the tests"}
    counts = {"cuts": len(cuts), "texts": len(texts), "rejects": 0, "hours": 0.01}
    write_json(corpus / "corpus.json", info | counts)


def _write_labels(root, cuts, rng):
    """Features (each word its own pattern, so that there is something to learn) and the words' times."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from manifests.schema import arrow_schema

    patterns = {word: rng.normal(size=(20, 12)) for word in WORDS}
    matrices, features, words, offset = [], [], [], 0
    for row in cuts:
        text = row["supervisions"][0].get("text")
        symbols = text.split() if text else ["sound"] * round(row["duration"] / 0.5)
        parts = [patterns.get(word, np.ones((20, 12))) + 0.1 * rng.normal(size=(20, 12)) for word in symbols]
        for variant, matrix in (("plain", np.concatenate(parts)), ("speed=0.9", np.concatenate(parts)[:-2])):
            features.append({"cut_id": row["id"], "encoder": "moonshine-tiny-en", "variant": variant, "offset": offset,
                             "frames": len(matrix), "dim": 12, "frame_rate": 40.0})  # fmt: skip
            matrices.append(matrix.astype(np.float16))
            offset += len(matrix)
        if row["custom"]["task"] == "asr":
            words += [
                {"cut_id": row["id"], "backend": "test", "position": n, "symbol": word, "start": 0.5 * n,
                 "duration": 0.5, "score": -1.0}
                for n, word in enumerate(symbols)
            ]  # fmt: skip
    for name, tables in (("encode", {"features": features}), ("align", {"words": words})):
        folder = root / "labels" / name / "tiny"
        folder.mkdir(parents=True)
        for table, rows in tables.items():
            if table == "features":
                path = folder / "features-0000.npy"
                np.save(path, np.concatenate(matrices))
                for entry in rows:
                    entry["path"] = str(path)
            pq.write_table(pa.Table.from_pylist(rows, schema=arrow_schema(table)), folder / f"{table}-0000.parquet")
        (folder / "pass.json").write_text(json.dumps({"shards": ["0000"], "settings": {}, "counts": {}}))


@pytest.fixture(scope="session")
def stage_values(tiny_llm):
    """Settings of a small stage, as a function of what differs."""

    def make(stage="shrinking", **changes):
        model = {"llm": str(tiny_llm), "stack": 2, "heads": 4, "ctc_vocabulary": "seen", "lora_rank": 2}
        model |= changes.pop("model", {})
        values = {
            "stage": stage,
            "model": model,
            "train": ["alignment", "ctc_head", *([] if stage == "alignment" else ["shrinking", "lora"])],
            "lm_weight": 0.0 if stage == "alignment" else 1.0,
            "ctc_weight": 1.0 if stage == "alignment" else 0.3,
            "ctc_units": "letters",
            "optimiser": {"learning_rate": 3e-3, "weight_decay": 0.0},
            "system_prompt": "",
            "templates": "short",
            "answer": "spoken",
            "precision": "fp32",
            "seed": 3,
        }  # fmt: skip
        return values | changes

    return make
