"""The sequence model sees the past alone, and its losses are the ones they stand for."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from models.sequence import NO_TARGET, SequenceModel, SequenceParameters

ITEMS = 20
TINY = SequenceParameters(width=8, blocks=2, heads=2, longest=12, dropout=0.0)


def model(parameters: SequenceParameters = TINY) -> SequenceModel:
    torch.manual_seed(1)
    made = SequenceModel(parameters, ITEMS)
    for parameter in made.parameters():  # as after some training: all of it matters
        nn.init.normal_(parameter, std=0.5)
    return made.eval()


def some(length: int, rows: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(2)
    return torch.randint(ITEMS, (rows, length)), torch.rand(rows, length).cumsum(1) * 1000


@pytest.mark.parametrize("time_bias", [False, True])
def test_no_position_sees_what_comes_after_it(time_bias: bool) -> None:
    made = model(replace(TINY, time_bias=time_bias))
    item_BL, time_s_BL = some(9)
    whole = made(item_BL, time_s_BL)
    other = item_BL.clone()
    other[:, 6:] = ITEMS  # padding too
    changed = made(other, torch.cat([time_s_BL[:, :6], time_s_BL[:, 6:] + 5000], dim=1))
    assert torch.allclose(whole[:, :6], changed[:, :6], atol=1e-5)
    assert not torch.allclose(whole[:, 6:], changed[:, 6:], atol=1e-2)


def test_the_order_of_the_past_matters() -> None:
    made = model()
    item_BL, time_s_BL = some(5, rows=1)
    swapped = item_BL[:, [1, 0, 2, 3, 4]]
    assert not torch.allclose(made(item_BL, time_s_BL)[:, -1], made(swapped, time_s_BL)[:, -1], atol=1e-3)


def test_only_a_model_with_time_bias_heeds_when() -> None:
    item_BL, time_s_BL = some(5)
    stretched = time_s_BL * 1000
    assert torch.equal(model()(item_BL, time_s_BL), model()(item_BL, stretched))
    timed = model(replace(TINY, time_bias=True))
    assert not torch.allclose(timed(item_BL, time_s_BL), timed(item_BL, stretched), atol=1e-3)
    assert torch.allclose(timed(item_BL, time_s_BL), timed(item_BL, time_s_BL + 700), atol=1e-4)


def test_the_full_loss_is_the_mean_cross_entropy_where_there_is_a_target() -> None:
    made = model(replace(TINY, negatives=0))
    item_BL, time_s_BL = some(4)
    target_BL = torch.tensor([[3, 4, NO_TARGET, NO_TARGET], [5, NO_TARGET, NO_TARGET, NO_TARGET]])
    x_BLD = made(item_BL, time_s_BL)
    chances = torch.softmax(made.logits(x_BLD), dim=-1)
    expected = -(chances[0, 0, 3].log() + chances[0, 1, 4].log() + chances[1, 0, 5].log()) / 3
    assert made.loss(x_BLD, target_BL, torch.Generator()).item() == pytest.approx(expected.item(), rel=1e-5)


def test_the_sampled_loss_comes_to_the_full_one_with_many_negatives() -> None:
    item_BL, time_s_BL = some(6)
    target_BL = torch.roll(item_BL, 1)
    full = model(replace(TINY, negatives=0))
    x_BLD = full(item_BL, time_s_BL)
    sampled = model(replace(TINY, negatives=200_000))
    expected = full.loss(x_BLD, target_BL, torch.Generator()).item()
    assert sampled.loss(x_BLD, target_BL, torch.Generator().manual_seed(0)).item() == pytest.approx(expected, rel=0.02)
    few = model(replace(TINY, negatives=5))
    assert few.loss(x_BLD, target_BL, torch.Generator().manual_seed(0)).item() != pytest.approx(expected, rel=0.02)


def test_large_vocabularies_are_sampled_unless_told_otherwise() -> None:
    assert SequenceModel(TINY, 30_000).negatives == 0
    assert SequenceModel(TINY, 30_001).negatives == 1024
    assert SequenceModel(replace(TINY, negatives=64), 100).negatives == 64


def test_a_closed_gate_lets_a_block_change_nothing() -> None:
    made = model()
    for block in made.blocks:
        for gate in (block.attention_gate, block.feed_forward_gate):
            nn.init.zeros_(gate.weight)
            nn.init.constant_(gate.bias, -100)
    item_BL, time_s_BL = some(4)
    plain = made.norm(made.item(item_BL) + made.position(torch.arange(4)))
    assert torch.allclose(made(item_BL, time_s_BL), plain, atol=1e-6)
