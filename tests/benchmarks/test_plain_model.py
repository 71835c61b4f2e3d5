"""The peer that training is timed against trains the same model: its loss and gradients are ours."""

import torch

from benchmarks.plain_model import plain_loss
from benchmarks.step import Case, inputs, network

CASE = Case(seconds=(1, 2, 2), features=32, width=32, layers=2, vocabulary=200, window=150, heads=4, lora_rank=4)


def test_the_plain_model_has_our_loss_and_gradients():
    """In float32, summed in another order: some hundred numbers of 6e-8 each."""
    model, batch = network(CASE), inputs(CASE)
    found = []
    for loss in (lambda **weights: model(batch, **weights).loss, lambda **weights: plain_loss(model, batch, **weights)):
        model.zero_grad(set_to_none=True)
        value = loss(lm_weight=1.0, ctc_weight=0.3)
        value.backward()
        gradients = {name: value.grad for name, value in model.named_parameters() if value.grad is not None}
        found.append((float(value.detach()), gradients))
    (ours, mine), (plain, theirs) = found
    assert abs(ours - plain) <= 1e-5 * abs(ours)
    assert mine.keys() == theirs.keys() and {"ctc_head.weight", "shrinking.query.weight"} <= mine.keys()
    for name, gradient in mine.items():
        assert torch.dist(gradient, theirs[name]) <= 1e-4 * gradient.norm() + 1e-7, name
