"""What a model's own generation_config.json may not decide."""

from __future__ import annotations

from typing import Any

OUTPUTS = ("output_attentions", "output_hidden_states", "output_logits", "output_scores", "return_dict_in_generate")


def tokens_alone(config: Any) -> None:
    """Have `generate` give token ids and nothing beside them, whatever the file asks for: it may be damaged, too."""
    for name in OUTPUTS:
        setattr(config, name, False)
