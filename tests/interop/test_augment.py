#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""vit-augment beside torchvision.transforms.v2 on uint8 tensors: photometric operations and policies.

Operations with one possible outcome are compared with it; of a policy, every record must be what one of
torchvision's members makes of the image, at a strength and in a direction that the policy may choose."""
import collections
import io
import os
import subprocess
import sys
import tempfile

import msgpack
import msgpack_numpy
import numpy as np
import torch
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

BIN = os.path.join(os.environ["BUILD"], "bin")
failures = passed = 0
torch.set_num_threads(1)


def check(name, ok, more=""):
    global failures, passed
    passed += bool(ok)
    failures += not ok
    if not ok:
        print(f"FAILED {name} {more}")


def augment(stream, *ops):
    """What vit-augment makes of the images of a stream, in order."""
    out = subprocess.run([os.path.join(BIN, "vit-augment"), *ops], input=stream, capture_output=True, check=True).stdout
    return [r["image"] for r in msgpack.Unpacker(io.BytesIO(out), object_hook=msgpack_numpy.decode) if "image" in r]


def tensor(a):
    return torch.from_numpy(np.ascontiguousarray(a)).permute(2, 0, 1).contiguous()


def array(t):
    return t.permute(1, 2, 0).numpy()


def single(name, images, stream, op, function):
    got = augment(stream, op)
    off = [int(np.abs(g.astype(int) - array(function(tensor(a)))).max()) for g, a in zip(got, images)]
    check(f"{op} of {name}", len(got) == len(images) > 0 and max(off) == 0, off)


def f32(x):
    return float(np.float32(x))


def singles(name, images, stream):
    none = {"brightness": "0", "contrast": "0", "saturation": "0", "hue": "0"}
    for key, x, function in (("brightness", 0.35, F.adjust_brightness), ("brightness", 1.6, F.adjust_brightness),
                             ("contrast", 0.35, F.adjust_contrast), ("contrast", 1.6, F.adjust_contrast),
                             ("saturation", 0.35, F.adjust_saturation), ("saturation", 1.6, F.adjust_saturation),
                             ("hue", -0.31, F.adjust_hue), ("hue", 0.07, F.adjust_hue)):
        op = "color-jitter:" + ",".join(f"{k}={v}" for k, v in {**none, key: f"{x}/{x}"}.items())
        single(name, images, stream, op, lambda t: function(t, f32(x)))
    single(name, images, stream, "grayscale:p=1", lambda t: F.rgb_to_grayscale(t, t.shape[0]))
    single(name, images, stream, "auto-contrast:p=1", F.autocontrast)
    single(name, images, stream, "equalize:p=1", F.equalize)
    single(name, images, stream, "invert:p=1", F.invert)
    single(name, images, stream, "posterize:bits=3,p=1", lambda t: F.posterize(t, 3))
    single(name, images, stream, "solarize:threshold=99,p=1", lambda t: F.solarize(t, 99))
    single(name, images, stream, "sharpness:factor=0.2,p=1", lambda t: F.adjust_sharpness(t, 0.2))
    single(name, images, stream, "sharpness:factor=3,p=1", lambda t: F.adjust_sharpness(t, 3))


def outcomes(policy, image, bins, strengths, filter):
    """{bytes: member} of everything that one step of the policy may make of the image."""
    t, h, w = tensor(image), *image.shape[:2]
    made = {}
    for member, (magnitudes, signed) in policy._AUGMENTATION_SPACE.items():
        values = magnitudes(bins, h, w)
        for x in [0.0] if values is None else sorted({float(values[i]) for i in strengths}):
            for sign in (1, -1) if signed else (1,):
                after = policy()._apply_image_or_video_transform(t, member, sign * x, filter, {torch.Tensor: 0})
                made.setdefault(array(after).tobytes(), member)
    return made


def policy_of(name, images, stream, op, policy, bins, strengths):
    """All images are the same one."""
    made = outcomes(policy, images[0], bins, strengths, "nearest")
    seen = collections.Counter(made.get(g.tobytes(), "none of them") for g in augment(stream, op))
    check(f"{op} of {name}: {len(made)} outcomes", set(seen) == set(made.values()), dict(seen))


def main():
    rng = np.random.default_rng(11)
    noise = rng.integers(0, 256, (3, 61, 83, 3), dtype=np.uint8)
    y, x = np.mgrid[0:224, 0:224]
    smooth = np.stack([[120 + 100 * np.sin(x / k + y / 31), 30 + 0.4 * y + k, 250 - 0.7 * x] for k in (9, 40)])
    smooth = np.clip(smooth.transpose(0, 2, 3, 1) + rng.normal(0, 3, (2, 224, 224, 1)), 0, 255).astype(np.uint8)
    gray = rng.integers(20, 200, (2, 45, 31, 1), dtype=np.uint8)
    with tempfile.TemporaryDirectory() as top:
        def stream(images):
            np.save(os.path.join(top, "images.npy"), images)
            return subprocess.run([os.path.join(BIN, "vit-fetch"), "--order", "source", os.path.join(top, "images.npy")],
                                  capture_output=True, check=True).stdout

        for name, images in ("noise", noise), ("smooth", smooth), ("gray", gray):
            singles(name, images, stream(images))
        for name, image, n in ("noise", noise[0, :33, :40], 400), ("smooth", smooth[0, 80:112, 90:122], 400), ("gray", gray[0], 400):
            same = np.repeat(image[None], n, axis=0)
            for op, policy, bins, strengths in (("rand-augment:num-ops=1", v2.RandAugment, 31, [9]),
                                                ("rand-augment:num-ops=1,bins=11,magnitude=10", v2.RandAugment, 11, [10]),
                                                ("rand-augment:num-ops=1,std=50,bins=5,magnitude=2", v2.RandAugment, 5, range(5)),
                                                ("trivial-augment", v2.TrivialAugmentWide, 31, range(31))):
                policy_of(name, same, stream(same), op, policy, bins, strengths)


main()
print(f"{passed} passed, {failures} failed")
sys.exit(failures != 0)
