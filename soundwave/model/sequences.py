"""What the LLM reads: prompts with the kept frames in their places, and the start that prompts share run only once.

Dimensions: B samples, L positions (padded), P positions of the shared start, D LLM width.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from manifests.errors import InputError
from soundwave.model.batch import AUDIO, AdapterOutput

SHORTEST_PREFIX = 4  # positions; a shorter shared start is not worth a pass of its own


def split_at_audio(ids: Sequence[int]) -> Iterator[list[int] | None]:
    """Pieces of a prompt: token ids, and None for each audio."""
    piece: list[int] = []
    for token in ids:
        if token == AUDIO:
            if piece:
                yield piece
            yield None
            piece = []
        else:
            piece.append(token)
    if piece:
        yield piece


def shared_start(prompts: Sequence[Sequence[int]]) -> int:
    """How many text tokens all prompts begin with; 0 when that is not worth a pass. Each prompt keeps one token."""
    if len(prompts) < 2:
        return 0
    count = 0
    for tokens in zip(*(prompt[:-1] for prompt in prompts), strict=False):
        if tokens[0] == AUDIO or len(set(tokens)) > 1:
            break
        count += 1
    return count if count >= SHORTEST_PREFIX else 0


def embed_sequences(
    llm: Any, prompts: Sequence[Sequence[int]], answers: Sequence[Sequence[int]], heard: AdapterOutput | None
) -> tuple[list[Tensor], list[int]]:
    """Input embeddings of each sample (L_b, D) without the answer's last token, and where its predictions begin.

    Raises:
        InputError: more or fewer places for audio in the prompts than audios.
    """
    wanted = sum(token == AUDIO for prompt in prompts for token in prompt)
    given = 0 if heard is None else len(heard.lengths)
    if wanted != given:
        raise InputError(f"The prompts have {wanted} places for audio, and {given} audios came with them.")
    embed = llm.get_input_embeddings()
    rows: list[Tensor] = []
    places: list[int] = []
    audio = 0
    for prompt, answer in zip(prompts, answers, strict=True):
        pieces: list[Tensor] = []
        for piece in split_at_audio([*prompt, *answer[:-1]]):
            if piece is None:
                assert heard is not None  # as many audios as places for them
                part = heard.kept[audio, : int(heard.runs.counts[audio])].to(embed.weight.dtype)
                audio += 1
            else:
                part = embed(torch.tensor(piece, dtype=torch.long, device=embed.weight.device))
            pieces.append(part)
        rows.append(torch.cat(pieces))
        places.append(len(rows[-1]) - max(len(answer), 1))
    return rows, places


def pad_left(rows: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Rows (L_b, D) -> (B, L, D) with zeros before the shorter ones, and the mask (B, L) of what is a row's own."""
    inputs = nn.utils.rnn.pad_sequence(list(rows), batch_first=True, padding_side="left")
    sizes = torch.tensor([len(row) for row in rows], device=inputs.device)
    longest = inputs.shape[1]
    mask = torch.arange(longest, device=inputs.device) >= longest - sizes.unsqueeze(1)
    return inputs, mask.long()


def hidden_states(llm: Any, rows: Sequence[Tensor], prefix: int) -> Tensor:
    """The LLM's last hidden states (B, L - P, D) of rows (L_b, D) padded on the right.

    prefix: P, how many positions all rows begin with; they go through the LLM once, as a batch of one.
    """
    rest = [row[prefix:] for row in rows]
    lengths = torch.tensor([len(row) for row in rest], device=rows[0].device)
    # B x (L_b - P, D) -> (B, L - P, D)
    inputs = nn.utils.rnn.pad_sequence(rest, batch_first=True)
    mask = torch.arange(inputs.shape[1], device=inputs.device) < lengths.unsqueeze(1)
    if not prefix:
        return _last_hidden(llm, inputs_embeds=inputs, attention_mask=mask.long(), use_cache=False)
    past = llm.model(inputs_embeds=rows[0][None, :prefix], use_cache=True).past_key_values
    past.batch_repeat_interleave(len(rows))
    mask = torch.cat([mask.new_ones(len(rows), prefix), mask], dim=1)
    return _last_hidden(llm, inputs_embeds=inputs, attention_mask=mask.long(), past_key_values=past, use_cache=True)


def _last_hidden(llm: Any, **options: Any) -> Tensor:
    hidden: Tensor = llm.model(**options).last_hidden_state
    return hidden
