"""The sequence model: what comes next, read from what came before in its order.

eSASRec (arXiv 2508.06450): SASRec's shifted-sequence objective (Kang and McAuley 2018, arXiv 1808.09781) on blocks whose skips are gated
(LiGR, arXiv 2502.03417), with SwiGLU (Shazeer 2020, arXiv 2002.05202, equation 6) and item embeddings that are also the output's weights.
Shapes: B rows · L positions · D width · H heads · E = D / H · F inside feed-forward · I items · T positions with a target · N negatives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, scaled_dot_product_attention, silu

NO_TARGET: Final = -1
TIME_BUCKETS: Final = 64
BUCKET_WIDTH: Final = 0.301
"""Times fall into buckets by their logarithm over this (HSTU, arXiv 2402.17152, and its published code)."""
FULL_UP_TO_ITEMS: Final = 30_000


@dataclass(frozen=True)
class SequenceParameters:
    """The model's size and shape."""

    width: int = 64
    blocks: int = 2
    heads: int = 1
    dropout: float = 0.1
    longest: int = 200
    """How many of a history's newest items are read."""
    feed_forward: int = 4
    """How many times the width is inside a block."""
    time_bias: bool = False
    """Whether attention heeds how long ago an item was, beside how many items ago."""
    negatives: int | None = None
    """Items drawn to stand for all the others in the loss; None: 0, which is all of them, up to 30,000 items, 1024 above."""


class SequenceModel(nn.Module):
    """Reads items, gives at each position a vector whose products with the items' embeddings are the logits of what is next.

    Rows are padded on the right with item I, which with causal attention no earlier position ever reads.
    """

    def __init__(self, parameters: SequenceParameters, items: int) -> None:
        super().__init__()
        self.items, self.heeds_time = items, parameters.time_bias
        self.negatives = parameters.negatives if parameters.negatives is not None else (0 if items <= FULL_UP_TO_ITEMS else 1024)
        self.item = nn.Embedding(items + 1, parameters.width, padding_idx=items)
        self.position = nn.Embedding(parameters.longest, parameters.width)
        self.dropout = nn.Dropout(parameters.dropout)
        self.blocks = nn.ModuleList(Block(parameters) for _ in range(parameters.blocks))
        self.norm = nn.LayerNorm(parameters.width)
        self.apply(_initialise)

    def forward(self, item_BL: Tensor, time_s_BL: Tensor) -> Tensor:
        """Return [B, L, D]."""
        position_L = torch.arange(item_BL.shape[1], device=item_BL.device)
        x_BLD = self.dropout(self.item(item_BL) + self.position(position_L))
        bucket_BLL = _time_bucket(time_s_BL) if self.heeds_time else None
        for block in self.blocks:
            x_BLD = block(x_BLD, bucket_BLL)
        normed_BLD: Tensor = self.norm(x_BLD)
        return normed_BLD

    def loss(self, x_BLD: Tensor, target_BL: Tensor, drawn: torch.Generator) -> Tensor:
        """Return the mean cross-entropy over the positions that have a target, against all items or against some that are drawn."""
        there_BL = target_BL != NO_TARGET
        x_TD, target_T = x_BLD[there_BL], target_BL[there_BL]
        if not self.negatives:
            return cross_entropy((x_TD @ self.item.weight[: self.items].T).float(), target_T)
        negative_N = torch.randint(self.items, (self.negatives,), generator=drawn).to(target_T.device)
        return cross_entropy(self._sampled_logits(x_TD, target_T, negative_N).float(), torch.zeros_like(target_T))

    def logits(self, x_BD: Tensor) -> Tensor:
        """Return [B, I]."""
        return x_BD @ self.item.weight[: self.items].T

    def _sampled_logits(self, x_TD: Tensor, target_T: Tensor, negative_N: Tensor) -> Tensor:
        """Return [T, 1 + N], the target first; a negative stands for (I - 1) / N items (Bengio and Senécal 2008), never for the target."""
        positive_T1 = (x_TD * self.item(target_T)).sum(-1, keepdim=True)
        stands_for = torch.log(torch.tensor((self.items - 1) / len(negative_N)))
        negative_TN = (x_TD @ self.item(negative_N).T + stands_for).masked_fill(target_T[:, None] == negative_N, float("-inf"))
        return torch.cat([positive_T1, negative_TN], dim=1)


class Block(nn.Module):
    """x + sigmoid(W x) * f(norm(x)), f once attention and once SwiGLU; without the gates depth does not pay."""

    def __init__(self, parameters: SequenceParameters) -> None:
        super().__init__()
        width = parameters.width
        self.attention = Attention(parameters)
        self.feed_forward = SwiGLU(parameters)
        self.attention_norm, self.feed_forward_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention_gate, self.feed_forward_gate = nn.Linear(width, width), nn.Linear(width, width)
        self.dropout = nn.Dropout(parameters.dropout)

    def forward(self, x_BLD: Tensor, bucket_BLL: Tensor | None) -> Tensor:
        """Return [B, L, D]."""
        attended_BLD = self.dropout(self.attention(self.attention_norm(x_BLD), bucket_BLL))
        x_BLD = x_BLD + torch.sigmoid(self.attention_gate(x_BLD)) * attended_BLD
        fed_BLD = self.dropout(self.feed_forward(self.feed_forward_norm(x_BLD)))
        skipped_BLD: Tensor = x_BLD + torch.sigmoid(self.feed_forward_gate(x_BLD)) * fed_BLD
        return skipped_BLD


class Attention(nn.Module):
    """Causal attention; optionally a learned bias a head and bucket of the time between two positions."""

    def __init__(self, parameters: SequenceParameters) -> None:
        super().__init__()
        self.heads = parameters.heads
        self.read = nn.Linear(parameters.width, 3 * parameters.width, bias=False)
        self.write = nn.Linear(parameters.width, parameters.width, bias=False)
        self.time_bias = nn.Embedding(TIME_BUCKETS, parameters.heads) if parameters.time_bias else None

    def forward(self, x_BLD: Tensor, bucket_BLL: Tensor | None) -> Tensor:
        """Return [B, L, D]."""
        q_BHLE, k_BHLE, v_BHLE = self.read(x_BLD).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        bias_BHLL = None
        if self.time_bias is not None and bucket_BLL is not None:
            length = x_BLD.shape[1]
            later_LL = torch.ones(length, length, dtype=torch.bool, device=x_BLD.device).triu(1)
            bias_BHLL = self.time_bias(bucket_BLL).permute(0, 3, 1, 2).masked_fill(later_LL, float("-inf")).to(q_BHLE.dtype)
        # No dropout of its own: with it there is no fused kernel on processors.
        attended_BHLE = scaled_dot_product_attention(q_BHLE, k_BHLE, v_BHLE, bias_BHLL, is_causal=bias_BHLL is None)
        written_BLD: Tensor = self.write(attended_BHLE.transpose(1, 2).flatten(2))
        return written_BLD


class SwiGLU(nn.Module):
    """W3 (silu(W1 x) * W2 x)."""

    def __init__(self, parameters: SequenceParameters) -> None:
        super().__init__()
        inside = parameters.feed_forward * parameters.width
        self.read = nn.Linear(parameters.width, 2 * inside, bias=False)
        self.write = nn.Linear(inside, parameters.width, bias=False)

    def forward(self, x_BLD: Tensor) -> Tensor:
        """Return [B, L, D]."""
        gate_BLF, value_BLF = self.read(x_BLD).chunk(2, dim=-1)
        written_BLD: Tensor = self.write(silu(gate_BLF) * value_BLF)
        return written_BLD


def _time_bucket(time_s_BL: Tensor) -> Tensor:
    # Between two positions that both are known: HSTU's code takes the time of the target, which tells something of it.
    apart_s_BLL = (time_s_BL[:, :, None] - time_s_BL[:, None, :]).abs().clamp(min=1)
    return (torch.log(apart_s_BLL) / BUCKET_WIDTH).long().clamp(max=TIME_BUCKETS - 1)


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
    if isinstance(module, nn.Embedding) and module.padding_idx is not None:
        with torch.no_grad():
            module.weight[module.padding_idx] = 0
