"""The model's losses as a user of its architecture writes them: transformers' causal LM and torch's own CTC loss.

The weights are those of our `SpeechLLM`, and so are its two adapters, which are ordinary Transformer layers. What is
ours beside them is not used: CTC is `log_softmax` over the whole vocabulary and `torch.nn.functional.ctc_loss`; every
prompt goes through the LLM whole, padded, with a mask; the LLM's own `labels` make the next-token loss.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from soundwave.model.batch import AUDIO, Batch
from soundwave.model.shrinking_adapter import find_runs
from soundwave.model.speech_llm import SpeechLLM

IGNORED = -100  # in labels, as transformers has it


def plain_loss(model: SpeechLLM, batch: Batch, *, lm_weight: float, ctc_weight: float) -> Tensor:
    """lm_weight x mean over answer tokens + ctc_weight x mean over target tokens; every sample has one audio."""
    frames, counts = model.alignment(batch.features, batch.lengths)
    scores = F.linear(frames, model.ctc_head.weight, model.ctc_head.bias).log_softmax(-1)  # (A, S, C)
    sizes = torch.tensor([len(target or ()) for target in batch.targets])
    flat = torch.tensor([token for target in batch.targets for token in target or ()])
    blank = model.ctc_head.blank
    ctc = F.ctc_loss(scores.transpose(0, 1), flat, counts, sizes, blank=blank, reduction="sum", zero_infinity=True)
    best = scores.detach().max(-1)
    runs = find_runs(best.indices, best.values, counts, blank=blank)
    kept = model.shrinking(frames, counts, runs)
    rows, labels = [], []
    for number, (prompt, answer) in enumerate(zip(batch.prompts, batch.answers, strict=True)):
        place = list(prompt).index(AUDIO)
        heard = kept[number, : int(runs.counts[number])]
        before, after = prompt[:place], [*prompt[place + 1 :], *answer]
        embed = model.llm.get_input_embeddings()
        rows.append(torch.cat([embed(torch.tensor(before, dtype=torch.long)), heard, embed(torch.tensor(after))]))
        silent = torch.full((len(rows[-1]) - len(answer),), IGNORED)
        labels.append(torch.cat([silent, torch.tensor(answer, dtype=torch.long)]))
    lengths = torch.tensor([len(row) for row in rows])
    inputs = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
    wanted = torch.nn.utils.rnn.pad_sequence(labels, batch_first=True, padding_value=IGNORED)
    mask = (torch.arange(inputs.shape[1]) < lengths.unsqueeze(1)).long()
    said: Tensor = model.llm(inputs_embeds=inputs, attention_mask=mask, labels=wanted).loss
    return lm_weight * said + ctc_weight * ctc / sizes.sum().clamp(min=1)
