"""Write tests/golden/resize.txt: what Pillow and torchvision make of small images.

    python tests/golden/resize.py > tests/golden/resize.txt

Blocks of three lines: "OP FILTER ANTIALIAS H W C -> H W" the bytes before
("-": those of the block above) and after in hexadecimal. Antialiased and nearest results are Pillow's; those
without antialiasing torchvision's on a uint8 tensor (which Pillow cannot do).
"""
import numpy as np
import torch
from PIL import Image
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

PIL = {"bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC, "nearest": Image.NEAREST}
TV = {"bilinear": v2.InterpolationMode.BILINEAR, "bicubic": v2.InterpolationMode.BICUBIC}


last = None


def block(op, name, antialias, before, after):
    global last
    shape, to = " ".join(map(str, before.shape)), " ".join(map(str, after.shape[:2]))
    print(f"{op} {name} {antialias} {shape} -> {to}")
    print("-" if before is last else before.tobytes().hex(), after.tobytes().hex(), sep="\n")
    last = before


def tensor(a):
    return torch.from_numpy(a).permute(2, 0, 1)


def array(t):
    return np.ascontiguousarray(t.permute(1, 2, 0).numpy())


def main():
    rng = np.random.default_rng(1)
    rgb = rng.integers(0, 256, (13, 10, 3), dtype=np.uint8)
    gray = rng.integers(0, 256, (9, 14, 1), dtype=np.uint8)
    for h, w in (7, 5), (13, 12), (20, 10), (4, 4), (16, 14):
        for name in PIL:
            block("resize", name, 1, rgb, np.asarray(Image.fromarray(rgb).resize((w, h), PIL[name])))
        for name in TV:
            block("resize", name, 0, rgb, array(F.resize(tensor(rgb), [h, w], TV[name], antialias=False)))
    for name in "bilinear", "bicubic":
        after = Image.fromarray(gray[:, :, 0]).resize((8, 8), PIL[name])
        block("resize", name, 1, gray, np.asarray(after)[:, :, None])
    for a in gray, rgb:
        for side in 4, 17:  # one number: the shorter side
            block("shorter", "bilinear", 1, a, array(F.resize(tensor(a), [side], TV["bilinear"], antialias=True)))
    for h, w in (6, 5), (13, 7), (10, 3):
        block("center", "bilinear", 1, rgb, array(F.center_crop(tensor(rgb), [h, w])))
    padded = F.pad(tensor(rgb), [4, 4], padding_mode="reflect")
    block("reflect", "bilinear", 1, rgb, array(padded))


main()
