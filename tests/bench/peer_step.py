"""peer_step.py SIZE CHANNELS CLASSES PATCH DIM DEPTH HEADS MLP BATCH STEPS

The same training step in PyTorch at its best settings on a CPU: eager with
scaled_dot_product_attention (timm's VisionTransformer), fused AdamW, one
thread per core. Prints median and best milliseconds.
"""
import os
import sys
import time

import timm.models.vision_transformer as vt
import torch

size, channels, classes, patch, dim, depth, heads = map(int, sys.argv[1:8])
mlp, batch, steps = float(sys.argv[8]), int(sys.argv[9]), int(sys.argv[10])
torch.set_num_threads(len(os.sched_getaffinity(0)))
torch.manual_seed(0)
model = vt.VisionTransformer(img_size=size, in_chans=channels, num_classes=classes, patch_size=patch,
                             embed_dim=dim, depth=depth, num_heads=heads, mlp_ratio=mlp)
opt = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.05, fused=True)
x = torch.randint(0, 256, (batch, channels, size, size), dtype=torch.uint8)
y = torch.randint(0, classes, (batch,))
times = []
for i in range(steps + 2):
    t = time.perf_counter()
    logits = model(x.float().div(255).sub(0.5).div(0.25))
    torch.nn.functional.cross_entropy(logits, y).backward()
    opt.step()
    opt.zero_grad(set_to_none=True)
    if i >= 2:
        times.append(1e3 * (time.perf_counter() - t))
times.sort()
print(f"{times[len(times) // 2]:.3f} {times[0]:.3f}")
