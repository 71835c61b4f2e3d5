"""The whole model: batch equals single, text-only and mixed batches, saving, generating, both vocabularies."""

import numpy as np
import pytest
import torch

from manifests.errors import InputError, ManifestError, MissingFileError
from soundwave.model.batch import AUDIO, Batch, pad_features, render
from soundwave.model.generation import answer_limits
from soundwave.model.pretrained import load_tokenizer
from soundwave.model.sequences import embed_sequences, hidden_states, pad_left, shared_start, split_at_audio
from soundwave.model.speech_llm import SpeechLLM
from tests.soundwave.model.speech_samples import ANSWERS, batch, lively, make, sample
from tests.tolerance import llm_rounding, rounding

ROUNDING = {"rtol": llm_rounding(), "atol": 0.0}
VARIANTS = [
    {},
    {"ctc_vocabulary": "seen"},
    {"ctc_vocabulary": "seen", "posterior_embeddings": True, "keep": "peak", "positions": "rotary", "stack": 1},
    {"ctc_vocabulary": "seen", "posterior_embeddings": True, "blank_runs": "drop", "merge_letters": True},
    {"posterior_embeddings": True, "compat": "reference"},
    {"ctc_blank": "last", "ctc_bias": False, "activation": "relu"},
    {"shrinking": "x3"},
    {"shrinking": "x4", "ctc_vocabulary": "seen", "stack": 1},
]


@pytest.mark.parametrize("changes", VARIANTS, ids=str)
def test_batch_equals_single_and_everything_learns(tiny_llm, changes):
    model = make(tiny_llm, dtype=torch.float64, **changes)
    samples = [
        sample(model, 40, seed=1),
        sample(model, 0),
        sample(model, 63, text="hear the message", answer="to hear", seed=2),
    ]
    together = model(batch(samples))
    alone = [model(batch([row])) for row in samples]
    torch.testing.assert_close(together.lm_loss, torch.cat([out.lm_loss for out in alone]), **ROUNDING)
    torch.testing.assert_close(together.ctc_loss, torch.cat([out.ctc_loss for out in alone]), **ROUNDING)
    assert together.kept_frames.tolist() == [int(n) for out in alone for n in out.kept_frames]
    assert (together.kept_frames <= together.frames).all()
    together.loss.backward()
    own = model.adapter_state()
    dead = {"query_key_value", "layer.norm_attention"}  # in `reference` half of these rows are dead
    without = [n for n, p in model.named_parameters() if n in own and p.grad is None and not any(d in n for d in dead)]
    assert without == []
    assert all(p.grad is None for n, p in model.named_parameters() if n not in own)


def test_audio_only_batch_without_the_llm(tiny_llm):
    model = make(tiny_llm)
    output = model(batch([sample(model, 40), sample(model, 30, text="")]), lm_weight=0.0, ctc_weight=1.0)
    assert output.lm_loss.isnan().all() and not output.ctc_loss.isnan().any()
    assert output.kept_frames.tolist() == output.frames.tolist() == [20, 15]


def test_text_only_batch(tiny_llm):
    model = make(tiny_llm)
    output = model(batch([sample(model, 0), sample(model, 0, answer="press")]))
    assert output.loss.isfinite() and len(output.ctc_loss) == 0


def test_an_audio_without_a_target_has_no_ctc_loss(tiny_llm):
    model = make(tiny_llm)
    both = batch([sample(model, 40, seed=1), sample(model, 40, seed=2)])
    some = Batch(both.prompts, both.answers, both.features, both.lengths, [both.targets[0], None])
    output = model(some, lm_weight=0.0, ctc_weight=1.0)
    assert output.ctc_loss.isnan().tolist() == [False, True]
    torch.testing.assert_close(output.loss.detach(), output.ctc_loss[0])


@pytest.mark.parametrize("vocabulary", ["seen", "full"])
def test_a_target_with_more_tokens_than_frames_has_no_ctc_loss(tiny_llm, vocabulary):
    model = make(tiny_llm, ctc_vocabulary=vocabulary)
    fits, short = sample(model, 40, seed=1), sample(model, 8, text="press press press", seed=2)
    output = model(batch([short, fits]), lm_weight=0.0, ctc_weight=1.0)
    assert output.ctc_loss.isnan().tolist() == [True, False]
    torch.testing.assert_close(output.loss.detach(), output.ctc_loss[1])  # neither its loss nor its tokens count
    output.loss.backward()
    assert all(value.grad is None or value.grad.isfinite().all() for value in model.parameters())


def test_the_loss_is_that_of_the_llm_on_the_same_embeddings(tiny_llm):
    model = make(tiny_llm, dtype=torch.float64, lora_rank=0)
    prompt, answer, _, _ = row = sample(model, 0, answer="press one to")
    ids = torch.tensor([[*prompt, *answer]])
    labels = torch.tensor([[-100] * len(prompt) + answer])
    expected = model.llm(input_ids=ids, labels=labels).loss
    # The LLM's own loss is float32: a sum over the vocabulary.
    rtol = rounding(model.llm.config.vocab_size, np.float32)
    torch.testing.assert_close(model(batch([row])).loss, expected.double(), atol=0, rtol=rtol)


def test_generated_text_does_not_depend_on_the_batch(tiny_llm):
    model = lively(make(tiny_llm, ctc_vocabulary="seen"))
    samples = [sample(model, 40, seed=1), sample(model, 0), sample(model, 71, seed=3)]
    prompts = [row[0] for row in samples]
    features, lengths = pad_features([row[2] for row in samples if row[2] is not None], 6)
    together = model.generate(prompts, features, lengths, max_new_tokens=[6, 3, 9], **ANSWERS)
    alone = []
    for prompt, (_, _, frames, _), limit in zip(prompts, samples, (6, 3, 9), strict=True):
        one, count = pad_features([frames] if frames is not None else [], 6)
        alone += model.generate([prompt], one, count, max_new_tokens=limit, **ANSWERS)
    assert together == alone and all(together)
    assert model.transcribe(features, lengths)[1] == model.transcribe(features[1:], lengths[1:])[0]


def test_saved_and_loaded_it_is_the_same_model(tiny_llm, tmp_path):
    model = make(tiny_llm, ctc_vocabulary="seen", posterior_embeddings=True)
    model.alignment.set_scale(torch.full((6,), 0.5), torch.full((6,), 2.0))
    with torch.no_grad():
        for value in model.adapter_state().values():
            value.add_(0.01)
    model.save_pretrained(tmp_path / "model")
    rows = batch([sample(model, 40), sample(model, 0)])
    loaded = SpeechLLM.from_pretrained(tmp_path / "model")
    torch.testing.assert_close(loaded(rows).loss, model(rows).loss, atol=0, rtol=0)
    assert SpeechLLM.from_pretrained(tmp_path / "model", compat="reference").settings.compat == "reference"


def test_loading_what_is_not_there_or_does_not_fit(tiny_llm, tmp_path):
    with pytest.raises(MissingFileError, match="No such model"):
        SpeechLLM.from_pretrained(tmp_path)
    model = make(tiny_llm)
    with pytest.raises(ManifestError, match="do not fit the model"):
        model.load_adapters({"alignment.norm.weight": torch.ones(3)})


def by_largest(expected):
    """Numbers that sums of larger ones give: rounded at the scale of the largest."""
    return {"rtol": 0.0, "atol": llm_rounding() * float(expected.abs().max())}


def positions_of(mask):
    return (mask.cumsum(-1) - 1).clamp(min=0)


@pytest.mark.parametrize("changes", [{}, {"ctc_vocabulary": "seen"}, {"shrinking": "x3"}], ids=str)
def test_logits_do_not_depend_on_the_side_that_is_padded(tiny_llm, changes):
    model = make(tiny_llm, dtype=torch.float64, **changes)
    samples = [sample(model, 40, seed=1), sample(model, 0), sample(model, 71, seed=3)]
    full = batch(samples)
    with torch.no_grad():
        heard = model.hear(full.features, full.lengths)
        rows, _ = embed_sequences(model.llm, full.prompts, full.answers, heard)
        right = model.llm.lm_head(hidden_states(model.llm, rows, 0))
        inputs, mask = pad_left(rows)
        left = model.llm(inputs_embeds=inputs, attention_mask=mask, position_ids=positions_of(mask)).logits
        for b, one in enumerate(samples):
            part = batch([one])
            alone_heard = model.hear(part.features, part.lengths) if len(part.lengths) else None
            row, _ = embed_sequences(model.llm, part.prompts, part.answers, alone_heard)
            alone = model.llm(inputs_embeds=row[0][None]).logits[0]
            torch.testing.assert_close(right[b, : len(alone)], alone, **by_largest(alone))
            torch.testing.assert_close(left[b, -len(alone) :], alone, **by_largest(alone))


def test_an_empty_transcript_beside_others(tiny_llm):
    model = make(tiny_llm, dtype=torch.float64)
    samples = [sample(model, 40, text="", answer="", seed=1), sample(model, 63, seed=2), sample(model, 0)]
    together = model(batch(samples))
    assert together.loss.isfinite()
    alone = [model(batch([row])) for row in samples]
    torch.testing.assert_close(together.lm_loss, torch.cat([out.lm_loss for out in alone]), **ROUNDING)
    assert together.ctc_loss[0] > 0  # every frame is asked to be blank; per token, of which there are none
    torch.testing.assert_close(together.ctc_loss, torch.cat([out.ctc_loss for out in alone]), **ROUNDING)


def test_a_31_second_and_a_5_minute_clip(tiny_llm):
    model = lively(make(tiny_llm, stack=4))
    # 50 frames a second; like frames in a row, as speech has them, so that there are runs to collapse
    sizes = (31, 300)
    clips = [torch.randn(2 * seconds, 6).repeat_interleave(25, dim=0) for seconds in sizes]
    samples = [(*sample(model, 1)[:2], frames, sample(model, 1)[3]) for frames in clips]
    long, short = batch(samples), batch(samples[:1])
    with torch.no_grad():
        output = model(long)
    assert output.frames.tolist() == [388, 3750] and output.loss.isfinite()
    assert (output.kept_frames < output.frames / 2).all()
    # In float32 sums over the longer clip's places, most of which are padding for the short one.
    torch.testing.assert_close(output.lm_loss[:1], model(short).lm_loss, atol=0, rtol=rounding(3750, np.float32))
    model(short).loss.backward()
    options = {"max_new_tokens": 3, **ANSWERS}
    texts = model.generate(long.prompts, long.features, long.lengths, **options)
    assert all(texts)
    assert model.generate(short.prompts, short.features, short.lengths, **options) == texts[:1]


def test_several_audios_in_one_conversation(tiny_llm):
    model = lively(make(tiny_llm))
    turns = [
        {"role": "user", "content": "<|audio|> and <|audio|>"},
        {"role": "assistant", "content": "one"},
        {"role": "user", "content": "<|audio|>"},
    ]
    talk, plain = render(model.tokenizer, turns), sample(model, 0)[0]
    audios = [torch.randn(size, 6) for size in (30, 50, 41)]
    features, lengths = pad_features(audios, 6)
    options = {"max_new_tokens": 6, **ANSWERS}
    together = model.generate([plain, talk], features, lengths, **options)
    assert all(together) and together[1:] == model.generate([talk], features, lengths, **options)
    swapped = model.generate([talk], *pad_features([audios[0], audios[2], audios[1]], 6), **options)
    assert swapped != together[1:]  # each audio has its place


def test_places_for_audio_and_audios_must_agree(tiny_llm):
    model = make(tiny_llm)
    features, lengths = pad_features([torch.randn(30, 6)], 6)
    with pytest.raises(InputError, match="2 places for audio, and 1 audios"):
        model.generate([[AUDIO, 1, AUDIO]], features, lengths)
    with pytest.raises(InputError, match="0 places for audio, and 1 audios"):
        model.generate([[1, 2]], features, lengths)


def test_checkpointed_layers_give_the_same_gradients(tiny_llm):
    model = make(tiny_llm, dtype=torch.float64).train()
    rows = batch([sample(model, 40, seed=n) for n in range(3)])
    own = {name: value for name, value in model.adapter_state().items() if value.requires_grad}

    def gradients():
        model.zero_grad()
        loss = model(rows, ctc_weight=0.0).loss
        loss.backward()
        return loss.detach(), {name: value.grad for name, value in own.items() if value.grad is not None}

    loss, plain = gradients()
    model.gradient_checkpointing_enable()
    again, recomputed = gradients()
    torch.testing.assert_close(again, loss, **ROUNDING)
    assert recomputed.keys() == plain.keys()
    for name, value in plain.items():
        torch.testing.assert_close(recomputed[name], value, **by_largest(value))
    calls = []
    model.llm.model.layers[0].mlp.register_forward_pre_hook(lambda *_: calls.append(1))
    gradients()
    model.gradient_checkpointing_disable()
    assert len(calls) == 2  # once forward, once more for the backward pass
    gradients()
    assert len(calls) == 4  # the shared start, and the rest


def test_a_prompt_is_split_at_its_audio():
    assert list(split_at_audio([5, AUDIO, AUDIO, 6, 7])) == [[5], None, None, [6, 7]]
    assert list(split_at_audio([AUDIO])) == [None]


def test_rendered_prompts_have_one_begin_and_their_audio(tiny_llm):
    tokenizer = load_tokenizer(str(tiny_llm))
    ids = render(tokenizer, [{"role": "user", "content": "<|audio|> and <|audio|>"}])
    assert ids.count(AUDIO) == 2
    assert tokenizer.decode([token for token in ids if token != AUDIO]).startswith("<|im_start|>user\n and ")


def test_the_start_that_prompts_share():
    assert shared_start([[1, 2, 3, 4, 5, AUDIO, 6], [1, 2, 3, 4, 7, AUDIO, 6]]) == 4
    assert shared_start([[1, 2, 3, 4, AUDIO, 5, 6], [1, 2, 3, 4, AUDIO, 5, 6]]) == 4
    assert shared_start([[1, 2, 3, 4, 5], [1, 2, 3, 4, 5]]) == 4  # the last token stays: it predicts
    assert shared_start([[1, 2, AUDIO, 3], [1, 2, AUDIO, 3]]) == 0
    assert shared_start([[1, 2, 3, 4, 5, 6]]) == 0


def test_gradients_go_through_the_shared_start(tiny_llm):
    model = make(tiny_llm, dtype=torch.float64)
    samples = [sample(model, 40, seed=n) for n in range(3)]
    assert shared_start([row[0] for row in samples]) > 0
    together = model(batch(samples), ctc_weight=0.0).loss
    alone = sum(model(batch([row]), ctc_weight=0.0).loss for row in samples) / 3
    lora = [value for name, value in model.adapter_state().items() if "lora_A" in name or "lora_B" in name]
    for one, other in zip(torch.autograd.grad(together, lora), torch.autograd.grad(alone, lora), strict=True):
        torch.testing.assert_close(one, other, **by_largest(other))


def test_answers_end_soon_after_what_was_heard(tiny_llm):
    model = make(tiny_llm)
    prompts = [[1, AUDIO, 2], [1, 2], [AUDIO, AUDIO]]
    heard = model.hear(*pad_features([torch.randn(40, 6), torch.randn(6, 6), torch.randn(8, 6)], 6))
    counts = heard.runs.counts.tolist()
    limits = answer_limits(prompts, heard)
    assert limits == [6 + round(1.1 * counts[0]), 64, 6 + round(1.1 * (counts[1] + counts[2]))]


def test_tokens_drawn_at_a_temperature_follow_the_posterior(tiny_llm):
    head = make(tiny_llm, ctc_vocabulary="seen").ctc_head
    frames = torch.randn(1, 3, 32).repeat(1, 2000, 1) * 0.3
    best = head.best(frames)
    cold = head.sample(frames, torch.zeros(1))
    assert torch.equal(cold[0], best[0]) and torch.equal(cold[1], best[1])
    drawn, _ = head.sample(frames, torch.ones(1))
    for place in range(3):
        likely = torch.nn.functional.linear(frames[0, place], head.weight, head.bias).softmax(-1)
        top = likely.topk(8)
        shares = torch.stack([(drawn[0, place::3] == label).float().mean() for label in top.indices])
        # Four standard deviations of a share of 2000 draws.
        torch.testing.assert_close(shares, top.values / top.values.sum(), atol=4 * (0.25 / 2000) ** 0.5, rtol=0)
