"""Write tests/golden/augment.txt: what torchvision makes of small images, for fixed parameters.

    $(tools/peers.sh) tests/golden/augment.py > tests/golden/augment.txt

Lines of "image NAME H W C" and the bytes in hexadecimal, then of "case NAME WITHIN OP -> H W C" and the bytes
after: OP is written as a user of vit-augment writes it, its random parameters narrowed to one value; results may
differ by WITHIN levels. Last lines of "member NAME WITHIN rand|trivial MEMBER BIN BINS NEGATIVE FILTER FILL -> H W C":
one member of RandAugment or TrivialAugmentWide. Peers are torchvision.transforms.v2 on uint8 tensors, no Pillow.
"""
import numpy as np
import torch
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F


def images():
    rng = np.random.default_rng(7)
    rgb = rng.integers(0, 256, (11, 13, 3), dtype=np.uint8)
    # smooth, each channel within a range of its own, one of them flat
    y, x = np.mgrid[0:15, 0:21]
    dull = np.stack([60 + 5 * y + 2 * x, np.full_like(x, 90), 200 - 3 * y - x], axis=2).astype(np.uint8)
    # corners of the colour cube, grays, and near-grays: where hue has its edges
    edge = np.array([0, 1, 127, 128, 254, 255], dtype=np.uint8)
    cube = np.stack(np.meshgrid(edge, edge, edge, indexing="ij"), axis=-1).reshape(12, 18, 3)
    gray = rng.integers(30, 180, (9, 14, 1), dtype=np.uint8)
    one = rng.integers(0, 256, (2, 1, 3), dtype=np.uint8)
    # enough pixels for equalize to act, most of them of few levels
    many = np.minimum(rng.integers(0, 40, (21, 37, 1)) ** 2 // 6, 255).astype(np.uint8)
    small = rng.integers(0, 256, (9, 7, 3), dtype=np.uint8)
    return {"small": small, "rgb": rgb, "dull": dull, "cube": cube, "gray": gray, "one": one, "many": many}


def f32(x):
    """The factor as a float holds it: parameters and numbers drawn are floats in vit-augment."""
    return float(np.float32(x))


def jitter(**factor):
    parts = [f"{k}={factor[k]}/{factor[k]}" if k in factor else f"{k}=0" for k in ("brightness", "contrast", "saturation", "hue")]
    return "color-jitter:" + ",".join(parts)


def photometric():
    """(names of images, OP, function)"""
    every, colour = ["rgb", "dull", "cube", "gray", "one"], ["rgb", "dull", "cube"]
    for x in 0, 0.7, 1.9:
        yield ["cube"], jitter(brightness=x), lambda t, x=x: F.adjust_brightness(t, f32(x))
        yield every if x == 0.7 else ["rgb"], jitter(contrast=x), lambda t, x=x: F.adjust_contrast(t, f32(x))
        yield every if x == 0.7 else colour[:2], jitter(saturation=x), lambda t, x=x: F.adjust_saturation(t, f32(x))
    for x in -0.5, -0.11, 0.02, 0.4:
        yield every if x == 0.02 else colour, jitter(hue=x), lambda t, x=x: F.adjust_hue(t, f32(x))
    yield every, "grayscale:p=1", lambda t: F.rgb_to_grayscale(t, t.shape[0])
    yield every, "auto-contrast:p=1", F.autocontrast
    yield every + ["many"], "equalize:p=1", F.equalize
    yield ["rgb"], "invert:p=1", F.invert
    for bits in 0, 3, 8:
        yield ["rgb"], f"posterize:bits={bits},p=1", lambda t, bits=bits: F.posterize(t, bits)
    for x in 0, 127.5, 255:
        yield ["cube"], f"solarize:threshold={x},p=1", lambda t, x=x: F.solarize(t, x)
    for x in 0, 0.5, 1.9, 9:
        yield every if x == 1.9 else ["rgb"], f"sharpness:factor={x},p=1", lambda t, x=x: F.adjust_sharpness(t, x)


def geometric():
    """As photometric(); sums of floats may round otherwise."""
    some = ["rgb", "gray"]
    yield some + ["one"], "vflip:p=1", F.vertical_flip
    yield some + ["one"], "hflip:p=1", F.horizontal_flip
    for mode in "nearest", "bilinear":
        for angle, fill, expand in (15, 0, 0), (-48.5, 77, 1), (90, 0, 1), (180, 9, 0), (300, 200, 0):
            yield some, f"rotate:degrees={angle}/{angle},interpolation={mode},fill={fill},expand={expand}", (
                lambda t, a=angle, m=mode, f=fill, e=expand: F.rotate(t, a, v2.InterpolationMode(m), bool(e), fill=f))
    yield ["rgb"], "rotate:degrees=33/33,interpolation=bilinear,fill=10/20/30", lambda t: F.rotate(
        t, 33, v2.InterpolationMode.BILINEAR, fill=[10, 20, 30])
    for kernel, sigma in (3, 0.5), (5, 2), (11, 1.3):
        yield some if kernel < 11 else ["rgb"], f"gaussian-blur:kernel={kernel},sigma={sigma}", (
            lambda t, k=kernel, s=sigma: F.gaussian_blur(t, [k, k], [s, s]))
    # a share that never fits makes torchvision take the centre
    for size, ratio, mode in ([9, 9], (3 / 4, 4 / 3), "bilinear"), ([6, 16], (1.5, 2), "bicubic"), ([5, 4], (0.25, 0.5), "nearest-exact"):
        yield some, f"random-resized-crop:size={size[0]}x{size[1]},ratio={ratio[0]}/{ratio[1]},interpolation={mode[:8].rstrip('-')},p=0", (
            v2.RandomResizedCrop(size, (5, 5), ratio, v2.InterpolationMode(mode), True))
    yield some, "random-crop:size=7x20,padding=4,fill=9,p=0", lambda t: F.center_crop(F.pad(t, [4, 4], fill=9), [7, 20])


def members():
    """(name of image, OP, function): each member of both policies at two strengths"""
    for name, policy in ("rand", v2.RandAugment), ("trivial", v2.TrivialAugmentWide):
        for number, (member, (magnitudes, signed)) in enumerate(policy._AUGMENTATION_SPACE.items()):
            rows = [("small", 5, 31, 0, "nearest", 0), ("small", 17, 25, 1, "bilinear", 120)]
            if (name, member) == ("rand", "ShearY"):
                # its last bits decide which of two pixels is the nearest
                rows.append(("cube", 20, 31, 1, "nearest", 0))
            for image, bin, bins, negative, filter, fill in rows:
                strength = magnitudes(bins, 9, 7)
                magnitude = 0.0 if strength is None else float(strength[bin]) * (-1 if signed and negative else 1)
                yield image, f"{name} {number} {bin} {bins} {negative} {filter} {fill}", lambda t: policy()._apply_image_or_video_transform(
                    t, member, magnitude, filter, {torch.Tensor: fill})


def run(function, a):
    before = torch.from_numpy(a).permute(2, 0, 1).contiguous()
    return function(before).permute(1, 2, 0).contiguous().numpy()


def show(what, a):
    print(what, *a.shape)
    print(a.tobytes().hex())


def main():
    torch.set_num_threads(1)
    print("# written by: $(tools/peers.sh) tests/golden/augment.py > tests/golden/augment.txt")
    image = images()
    for name, a in image.items():
        show(f"image {name}", a)
    for within, cases in (0, photometric()), (1, geometric()):
        for name, op, function in ((name, op, function) for names, op, function in cases for name in names):
            show(f"case {name} {within} {op} ->", run(function, image[name]))
    for name, op, function in members():
        show(f"member {name} {int('bilinear' in op)} {op} ->", run(function, image[name]))


main()
