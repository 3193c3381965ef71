#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a model eats of a file: libvit's preprocessing of encoded photographs and
timm's evaluation transform on what Pillow decodes differ by at most one level."""
import ctypes as C
import glob
import io
import os
import sys

import msgpack
import numpy as np
from PIL import Image, ImageOps
from timm.data.transforms_factory import transforms_imagenet_eval

SHARED = os.environ.get("VIT_SHARED", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../shared"))
DATA = os.path.join(SHARED, "data")
passed = failed = 0
rng = np.random.default_rng(3)

lib = C.CDLL(os.path.join(os.environ["BUILD"], "lib", "libvit.so"))
lib.vit_errmsg.restype = C.c_char_p


class Preprocess(C.Structure):
    _fields_ = [("input_size", C.c_int64 * 3), ("interpolation", C.c_char * 16), ("crop_pct", C.c_double), ("crop_mode", C.c_char * 16),
                ("n_mean", C.c_int), ("mean", C.c_float * 16), ("std", C.c_float * 16)]


# Pillow 13 resamples down before across where that is less work, which moves what
# sharp edges overshoot; all versions before, and ours, go across first.
resize = Image.Image.resize
Image.Image.resize = lambda im, size, resample=None, *a, **k: resize(resize(im, (size[0], im.height), resample), size, resample)

work = C.create_string_buffer(1024)     # struct vit_preprocess_work, zeroed, and more


def ours(data, size, pct, mode, interpolation, channels):
    record = msgpack.packb({"id": "x", "seq": 0, "image": {"encoded": data, "type": "jpeg"}})
    decoded = C.create_string_buffer(8192)      # struct vit_record, and more
    pre = Preprocess((C.c_int64 * 3)(channels, *size), interpolation.encode(), pct, mode.encode())
    out, resized = np.zeros((*size, channels), np.uint8), C.c_int()
    rc = lib.vit_record_decode(decoded, record, C.c_size_t(len(record)))
    rc = rc or lib.vit_preprocess_record(C.byref(pre), work, decoded, out.ctypes.data_as(C.c_void_p), C.byref(resized))
    return out if rc == 0 else lib.vit_errmsg().decode()


def theirs(data, size, pct, mode, interpolation, channels):
    im = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB" if channels == 3 else "L")
    t = transforms_imagenet_eval(img_size=size, crop_pct=pct, crop_mode=mode, interpolation=interpolation, normalize=False)
    # [C,H,W], uint8
    return t(im).numpy().transpose(1, 2, 0)


def compare(name, data, *args):
    global passed, failed
    a, b = ours(data, *args), theirs(data, *args)
    worst = 256 if isinstance(a, str) or a.shape != b.shape else int(np.abs(a.astype(int) - b.astype(int)).max())
    if worst <= 1:
        passed += 1
        return
    failed += 1
    print(f"FAILED {name} {args}: {a if isinstance(a, str) else worst}")


def jpeg(h, w):
    y, x = np.mgrid[:h, :w]
    a = np.stack([(x * 7 + y) % 256, (y * 5) % 256, (x + y * 3) % 256], 2) * 0.8 + rng.random((h, w, 3)) * 50
    b = io.BytesIO()
    Image.fromarray(a.astype(np.uint8)).save(b, "JPEG", quality=92)
    return b.getvalue()


for h, w in [(224, 224), (225, 300), (300, 225), (31, 400), (1, 1), (17, 5), (641, 481), (256, 256)]:
    data = jpeg(h, w)
    for args in [((224, 224), 0.9, "center"), ((224, 224), 0.875, "squash"), ((96, 128), 0.875, "center"), ((32, 32), 1.0, "center"),
                 ((33, 31), 0.77, "squash"), ((224, 224), 1.0, "squash")]:
        if h * w == 1 or (h, w) == (31, 400):
            if args[0][0] != 32:
                continue
        if (h, w) == args[0]:
            continue    # ours leaves alone what has the size
        for interpolation in ("bicubic", "bilinear"):
            compare(f"{h}x{w}", data, *args, interpolation, 3)
        compare(f"{h}x{w} gray", data, *args, "bicubic", 1)

files = glob.glob(f"{DATA}/photos/*") + glob.glob(f"{DATA}/hymenoptera/val/*/*")[:8] + glob.glob(f"{DATA}/odd-images/exif/*.jpg")
for path in sorted(files):
    data = open(path, "rb").read()
    compare(os.path.basename(path), data, (224, 224), 0.9, "center", "bicubic", 3)
    compare(os.path.basename(path), data, (64, 64), 0.875, "center", "bilinear", 1)
if not files:
    print("skipped: no photographs in the shared data")

# an image that has the size is its decoded self
data = jpeg(48, 64)
a = ours(data, (48, 64), 0.5, "center", "bicubic", 3)
same = np.array_equal(a, np.asarray(Image.open(io.BytesIO(data))))
passed, failed = passed + same, failed + (not same)

lib.vit_preprocess_work_release(work)
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
