#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Vectors for tests/unit/test_train_golden.c from PyTorch and timm.

    python make_golden.py vit-train.golden

A timm VisionTransformer of two blocks with random weights, one fixed batch,
ten AdamW steps on it with warm-up, cosine, clipping, label smoothing, weight
decay and an average of the weights. Everything is computed in float64 and
stored as float32, so the vectors are right to the last bit they have.

The file is a list of tensors: a line "NAME DIM DIM ...", then float32 values,
little endian. Names: "image" and "label" (small integers), "w/", "g/", "end/",
"ema/" + parameter, "logits", "loss" (of each step), "lr". Parameters carry our
layout: the patch projection is (out, row * column * channel).
"""
import math
import sys

import numpy as np
import torch
import torch.nn.functional as F
from timm.models.vision_transformer import VisionTransformer

# eps is large since the gradient of the keys' bias is zero but for rounding, which
# Adam would blow up to whole steps
STEPS, WARMUP, LR, MIN_LR = 10, 3, 2e-3, 1e-5
BETAS, EPS, DECAY, CLIP, SMOOTHING, EMA = (0.9, 0.95), 1e-4, 0.05, 1.0, 0.1, 0.9


def f32(x):
    """What the other side gets: attributes are floats there."""
    return float(np.float32(x))


def rate(i):
    if i < WARMUP:
        return f32(LR * (i + 1) / WARMUP)
    t = (i - WARMUP) / (STEPS - WARMUP - 1)
    low = MIN_LR / LR
    return f32(LR * (low + (1 - low) * 0.5 * (1 + math.cos(math.pi * t))))


def ours(name, tensor):
    t = tensor.detach().clone()     # what follows changes weights and gradients in place
    if name.endswith("patch_embed.proj.weight"):
        t = t.permute(0, 2, 3, 1).reshape(t.shape[0], -1)
    if name.endswith(("pos_embed", "cls_token")):
        t = t.reshape(t.shape[-2:]) if name.endswith("pos_embed") else t.reshape(-1)
    return t


def main(path):
    torch.manual_seed(3)
    model = VisionTransformer(img_size=8, patch_size=4, in_chans=3, embed_dim=16, depth=2, num_heads=2,
                              mlp_ratio=2, num_classes=5).double()
    for name, p in model.named_parameters():
        std = 0.3 if p.ndim > 1 else 0.1
        base = 1.0 if "norm" in name and name.endswith("weight") else 0.0
        p.data = (base + std * torch.randn(p.shape)).float().double()
    images = torch.randint(0, 256, (6, 8, 8, 3))
    labels = torch.tensor([0, 3, 1, 4, 2, 3])
    x = ((images.double() / 255 - 0.5) / 0.5).permute(0, 3, 1, 2)

    decay, rest = [], []
    for name, p in model.named_parameters():
        (decay if p.ndim > 1 and name not in ("pos_embed", "cls_token") else rest).append(p)
    adamw = torch.optim.AdamW([{"params": decay, "weight_decay": f32(DECAY)}, {"params": rest, "weight_decay": 0.0}],
                              lr=LR, betas=(f32(BETAS[0]), f32(BETAS[1])), eps=f32(EPS))
    out = {"image": images.reshape(6, -1).double(), "label": labels.double()}
    out.update({"w/" + n: ours(n, p) for n, p in model.named_parameters()})
    average = {n: p.detach().clone() for n, p in model.named_parameters()}
    losses = []
    for i in range(STEPS):
        for group in adamw.param_groups:
            group["lr"] = rate(i)
        adamw.zero_grad()
        logits = model(x)
        loss = F.cross_entropy(logits, labels, label_smoothing=f32(SMOOTHING))
        loss.backward()
        losses.append(loss.item())
        if i == 0:
            out["logits"] = logits.detach()
            out.update({"g/" + n: ours(n, p.grad) for n, p in model.named_parameters()})
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        adamw.step()
        for n, p in model.named_parameters():
            average[n].mul_(f32(EMA)).add_(p.detach(), alpha=1 - f32(EMA))
    out.update({"end/" + n: ours(n, p) for n, p in model.named_parameters()})
    out.update({"ema/" + n: ours(n, p) for n, p in average.items()})
    out["loss"] = torch.tensor(losses, dtype=torch.float64)
    out["lr"] = torch.tensor([rate(i) for i in range(STEPS)], dtype=torch.float64)
    with open(path, "wb") as f:
        for name, t in out.items():
            f.write((name + "".join(f" {d}" for d in t.shape) + "\n").encode())
            f.write(t.to(torch.float32).contiguous().numpy().astype("<f4").tobytes())


if __name__ == "__main__":
    main(sys.argv[1])
