"""Tiny models with random weights, as transformers writes them: they hear nonsense, in the usual way."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any


def _small(**more: Any) -> Any:
    from transformers import Wav2Vec2Config

    return Wav2Vec2Config(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, conv_dim=(8,) * 7,
        num_conv_pos_embeddings=4, num_conv_pos_embedding_groups=2, classifier_proj_size=8, tdnn_dim=(8, 8, 8, 8, 16),
        xvector_output_dim=12, **more,
    )  # fmt: skip


def classifier(folder: Path, labels: Sequence[str], **more: Any) -> Path:
    """A Wav2Vec2 that knows these labels."""
    import torch
    from transformers import Wav2Vec2FeatureExtractor, Wav2Vec2ForSequenceClassification

    torch.manual_seed(0)
    names = dict(enumerate(labels))
    config = _small(id2label=names, label2id={name: place for place, name in names.items()}, **more)
    Wav2Vec2ForSequenceClassification(config).save_pretrained(folder)
    Wav2Vec2FeatureExtractor().save_pretrained(folder)
    return folder


def xvector(folder: Path) -> Path:
    """A Wav2Vec2 with x-vectors."""
    import torch
    from transformers import Wav2Vec2FeatureExtractor, Wav2Vec2ForXVector

    torch.manual_seed(0)
    Wav2Vec2ForXVector(_small(num_labels=4)).save_pretrained(folder)
    Wav2Vec2FeatureExtractor().save_pretrained(folder)
    return folder
