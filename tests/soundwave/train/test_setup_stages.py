"""The paper's stages: the batch per device and the accumulation that the paper gives make the plan's step."""

import pytest

from curation.plan.mixture import load_mixture
from soundwave.train.settings import load_stage

GPUS, MEAN_CLIP = 32, 7.03  # seconds, as the mixtures' comments reckon


@pytest.mark.parametrize(("stage", "rows", "accumulation"), [("alignment", 32, 8), ("shrinking", 16, 8), ("sft", 8, 4)])
def test_micro_batches_make_the_papers_step(stage, rows, accumulation):
    settings, mixture = load_stage(f"paper/{stage}"), load_mixture(f"paper/{stage}")
    assert settings.micro_batch.rows == rows
    assert mixture.batch.seconds == pytest.approx(GPUS * rows * accumulation * MEAN_CLIP, rel=0.01)
    assert (settings.optimiser.betas, settings.optimiser.weight_decay) == ((0.9, 0.95), 0.1)
    assert (settings.optimiser.schedule, settings.optimiser.warmup) == ("cosine", 0.01)
    assert settings.precision == "bf16" and not settings.ema and settings.splice is None


def test_what_each_of_the_papers_stages_trains():
    one, two, three = (load_stage(f"paper/{name}") for name in ("alignment", "shrinking", "sft"))
    assert (
        set(one.train) == {"alignment", "ctc_head"}
        and "lora" in two.train
        and set(three.train) == {"shrinking", "lora"}
    )
    assert (one.model.lora_rank, one.model.lora_alpha) == (64, 16)
