"""A tiny LLM, a tiny Whisper, and runs of a stage with them: what training and answering read. All weights are random.

SPEECH/llm, SPEECH/whisper   folders of models as transformers writes them
SPEECH/runs/done, half       a run that has ended, and one that was stopped between checkpoints
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.fuzz.drive import run_command
from benchmarks.fuzz.workspace import CUTS, WORDS, command, inside, write
from curation.pretrained.quiet import quiet

SPEECH = Path("speech")
PLACES = ("--corpora", "corpora", "--labels", "speech/labels")
STEPS = 6
TRAIN = ("train", "speech/train.yaml", "--plan", "speech/mixtures/mix")
STAGE = f"""stage: shrinking
model: {{llm: speech/llm, stack: 2, heads: 4, ctc_vocabulary: letters, lora_rank: 2}}
encoder: speech/whisper
train: [alignment, ctc_head, shrinking, lora]
lm_weight: 1.0
ctc_weight: 0.3
ctc_units: letters
optimiser: {{learning_rate: 3.0e-3, weight_decay: 0.0}}
system_prompt: ""
templates: short
answer: spoken
precision: fp32
steps: {STEPS}
checkpoint_every: 2
seed: 3
"""
MIX = "stage: shrinking\nselect: mix.sql\nunit: samples\nbudget: 12\nmax_repeats: 8\nbatch: {seconds: 4, rows: 2}\n"
CHOICE = "SELECT cut_id, task AS domain FROM cuts WHERE split = 'train' AND task = 'asr'\n"
CHAT = (
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n'}}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


class Stopped(BaseException):
    """Stands for a kill."""


def make_speech(folder: Path) -> None:
    """Add SPEECH to a workspace.

    Raises:
        RuntimeError: a command did not do, or the run that is to be stopped was not.
    """
    with inside(folder):
        SPEECH.mkdir()
        with quiet():
            _llm(SPEECH / "llm")
            _whisper(SPEECH / "whisper")
        command("label", "encode", *PLACES, "--workers", "0", "--set", "encoder=speech/whisper")
        command("catalog", "build", *PLACES, "--catalog", "speech/catalog")
        write("speech/src/mix.yaml", MIX + "window: 4\nseed: 7\nshares: {asr: 1.0}\n")
        write("speech/src/mix.sql", CHOICE)
        command("mix", "plan", "speech/src/mix.yaml", "--catalog", "speech/catalog", "--output", "speech/mixtures/mix")
        write("speech/train.yaml", STAGE)
        command(*TRAIN, "--output", "speech/runs/done")
        _stop(STEPS - 1)


def _stop(step: int) -> None:
    """A run that was killed in the middle of a step."""
    from soundwave.train.loop import Trainer

    real = Trainer.step

    def stopping(self: Trainer, number: int) -> object:
        if number == step:
            raise Stopped
        return real(self, number)

    Trainer.step = stopping  # type: ignore[method-assign, assignment]
    try:
        done = run_command([*TRAIN, "--output", "speech/runs/half"])
    finally:
        Trainer.step = real  # type: ignore[method-assign]
    if "Stopped" not in done.trace:
        raise RuntimeError(f"the run was not stopped: {done.err}{done.trace}")


def _llm(folder: Path) -> None:
    """A Llama of two layers, 32 wide, and a tokenizer of bytes."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    specials = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    letters = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=320, special_tokens=specials, initial_alphabet=letters, show_progress=False
    )
    tokenizer.train_from_iterator([" ".join(WORDS)] * CUTS, trainer)
    marks = {"bos_token": specials[1], "eos_token": specials[2], "pad_token": specials[2]}
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, **marks)
    fast.chat_template = CHAT
    fast.save_pretrained(folder)
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    ids = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 2}
    LlamaForCausalLM(LlamaConfig(vocab_size=len(fast), num_key_value_heads=2, **sizes, **ids)).save_pretrained(folder)


def _whisper(folder: Path) -> None:
    """A Whisper of one layer, 16 wide, with windows of 2 s."""
    import torch
    from transformers import WhisperConfig, WhisperFeatureExtractor
    from transformers.models.whisper.modeling_whisper import WhisperModel

    torch.manual_seed(0)
    sizes = {"d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "vocab_size": 60, "max_source_positions": 100}
    heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16}
    tokens = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 1}
    config = WhisperConfig(num_mel_bins=8, max_target_positions=8, **sizes, **heads, **tokens)
    WhisperModel(config).save_pretrained(folder)
    WhisperFeatureExtractor(feature_size=8, chunk_length=2).save_pretrained(folder)
