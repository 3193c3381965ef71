"""peer_gpu.py train|infer|peak MODE SIZE CHANNELS CLASSES PATCH DIM DEPTH HEADS MLP BATCH GROUP STEPS

PyTorch on a GPU at its best settings: timm's VisionTransformer with
scaled_dot_product_attention, bf16 autocast, fused AdamW, TF32 allowed; MODE is
eager, compile or reduce-overhead (torch.compile's). GROUP steps are timed
together up to the moment their loss (or logits) is on the host. u8 images lie
on the device. Prints median and best milliseconds of a step and the most bytes
that were allocated; "peak": TFLOP/s of an 8192-cubed bf16 product, and GB/s of
a copy (bytes read and written).
"""
import sys
import time

import torch


def clock(run, group, steps, warm=3):
    times = []
    for i in range(steps + warm):
        t = time.perf_counter()
        for _ in range(group):
            last = run()
        last.float().cpu()
        if i >= warm:
            times.append(1e3 * (time.perf_counter() - t) / group)
    times.sort()
    return times[len(times) // 2], times[0]


def peak():
    a = torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16)
    b = torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16)
    big = torch.randn(1 << 30, device="cuda")
    to = torch.empty_like(big)
    ms, _ = clock(lambda: (a @ b)[0, 0], 10, 5)
    copy, _ = clock(lambda: to.copy_(big)[0], 10, 5)
    print(f"{2 * 8192 ** 3 / ms / 1e9:.0f} {8 * (1 << 30) / copy / 1e6:.0f}")


def model_step(what, mode, size, channels, classes, patch, dim, depth, heads, mlp, batch):
    import timm.models.vision_transformer as vt

    torch.set_float32_matmul_precision("high")
    torch.manual_seed(0)
    model = vt.VisionTransformer(img_size=size, in_chans=channels, num_classes=classes, patch_size=patch, embed_dim=dim,
                                 depth=depth, num_heads=heads, mlp_ratio=mlp).cuda()
    x = torch.randint(0, 256, (batch, channels, size, size), dtype=torch.uint8, device="cuda")
    y = torch.randint(0, classes, (batch,), device="cuda")

    def forward():
        with torch.autocast("cuda", torch.bfloat16):
            return model(x.float().div(255).sub(0.5).div(0.25))

    def loss():
        return torch.nn.functional.cross_entropy(forward().float(), y)

    body = loss if what == "train" else forward
    if mode != "eager":
        body = torch.compile(body, mode=None if mode == "compile" else mode)
    if what == "infer":
        model.eval()
        return torch.inference_mode()(body)
    opt = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.05, fused=True)

    def step():
        value = body()
        value.backward()
        opt.step()
        opt.zero_grad(set_to_none=True)
        return value.detach()

    return step


def main():
    if not torch.cuda.is_available():
        sys.exit("peer_gpu.py: this PyTorch sees no GPU")
    if sys.argv[1] == "peak":
        return peak()
    what, mode = sys.argv[1:3]
    size, channels, classes, patch, dim, depth, heads = map(int, sys.argv[3:10])
    mlp, (batch, group, steps) = float(sys.argv[10]), map(int, sys.argv[11:14])
    run = model_step(what, mode, size, channels, classes, patch, dim, depth, heads, mlp, batch)
    median, best = clock(run, group, steps)
    print(f"{median:.4f} {best:.4f} {torch.cuda.max_memory_allocated()}")


main()
