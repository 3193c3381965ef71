#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Images as Pillow reads them: every file of the odd images and photos, and files
of all kinds that Pillow writes here, decoded by libvit and by Pillow
(exif_transpose, then convert), agree to the last bit or are refused by both.
Whatever differs is listed in DIFFERENCES with its reason."""
import ctypes as C
import glob
import io
import os
import shutil
import subprocess
import sys
import tempfile
import warnings

import msgpack
import msgpack_numpy
import numpy as np
import torch
import torchvision
from PIL import Image, ImageOps

SHARED = os.environ.get("VIT_SHARED", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../shared"))
DATA = os.path.join(SHARED, "data")
ERECORD = -6
failures = passed = 0
warnings.simplefilter("ignore")
Image.init()

# file name: what differs, and why
DIFFERENCES = {
    "xcsn0g01.png": ("refused", "a wrong checksum over the pixels; libpng refuses it, Pillow does not look"),
}


class Pixels(C.Structure):
    _fields_ = [("h", C.c_int64), ("w", C.c_int64), ("c", C.c_int64), ("p", C.POINTER(C.c_uint8)), ("cap", C.c_size_t)]


class Options(C.Structure):
    _fields_ = [("channels", C.c_int), ("part", C.c_int64 * 4), ("shorter", C.c_int64), ("max_pixels", C.c_int64)]


lib = C.CDLL(os.path.join(os.environ["BUILD"], "lib", "libvit.so"))
lib.vit_errmsg.restype = C.c_char_p


def ours(data, channels=3):
    """Pixels or None, and the code."""
    im = Pixels()
    rc = lib.vit_image_decode(C.byref(im), data, C.c_size_t(len(data)), C.byref(Options(channels)))
    pixels = None if rc else np.ctypeslib.as_array(im.p, (im.h, im.w, im.c)).copy()
    lib.vit_image_release(C.byref(im))
    return pixels, rc


def theirs(data, channels=3):
    """Pixels or None, and Pillow's reason."""
    try:
        im = ImageOps.exif_transpose(Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP", "PPM")))
        if im.mode.startswith("I"):
            # Pillow clips 16 bits to 255; the upper byte is what it takes of 16-bit RGB
            upper = (np.asarray(im).astype(np.uint32) >> 8).astype(np.uint8)[:, :, None]
            return np.repeat(upper, channels, 2), None
        a = np.asarray(im.convert("RGB" if channels == 3 else "L"))
        return a.reshape(*a.shape[:2], channels), None
    except (OSError, ValueError, SyntaxError) as e:
        return None, e


def check(name, ok, more=""):
    global failures, passed
    passed += bool(ok)
    failures += not ok
    if not ok:
        print(f"FAILED {name}: {more}")


def compare(name, data, tolerance=0):
    for channels in (3, 1):
        a, rc = ours(data, channels)
        b, why = theirs(data, channels)
        message = lib.vit_errmsg().decode()
        differs = DIFFERENCES.get(name)
        if differs:
            check(name, differs[0] == "refused" and rc == ERECORD and b is not None, f"differs no longer: {message}, Pillow: {why}")
        elif a is None or b is None:
            check(name, rc == ERECORD and b is None, f"{rc}: {message}; Pillow: {why}")
        elif a.shape != b.shape:
            check(name, False, f"{a.shape}; Pillow: {b.shape}")
        else:
            most = int(np.abs(a.astype(int) - b).max())
            check(name, most <= tolerance, f"pixels differ by up to {most}")


def saved(im, kind, **options):
    out = io.BytesIO()
    im.save(out, kind, **options)
    return out.getvalue()


def exif(orientation):
    e = Image.Exif()
    e[0x112] = orientation
    return e


def photo(h=93, w=130):
    y, x = np.mgrid[:h, :w]
    rgb = np.stack([127 + 120 * np.sin(x / 9 + y / 31), 255 * ((x // 17 + y // 13) % 2), (3 * x + 2 * y) % 256], 2)
    return Image.fromarray(rgb.astype(np.uint8))


files = []
for pattern in ("odd-images/*/*", "photos/*", "hymenoptera/*/*/*"):
    found = [f for f in sorted(glob.glob(os.path.join(DATA, pattern))) if not f.endswith("LICENSE")]
    if not found:
        print(f"skipped: no {pattern} in the shared data")
    files += found
for path in files:
    with open(path, "rb") as f:
        compare(os.path.basename(path), f.read())
for path in files[-46:]:
    if path.endswith(".jpg"):
        data = np.fromfile(path, np.uint8)
        loaded = torchvision.io.decode_jpeg(torch.from_numpy(data), mode=torchvision.io.ImageReadMode.RGB, apply_exif_orientation=True)
        check(f"{path} in torchvision", np.array_equal(ours(data.tobytes())[0], loaded.permute(1, 2, 0).numpy()))

# damage in a photo's codes, around which libjpeg finds its way
rng = np.random.default_rng(1)
for path in files[-46::4]:
    with open(path, "rb") as f:
        good = f.read()
    for i in range(30):
        bad = bytearray(good)
        at = int(rng.integers(len(bad) // 20, len(bad)))
        bad[at:at + 1] = bytes([bad[at] ^ 1 << int(rng.integers(8))]) if i % 3 else b""
        compare(f"{os.path.basename(path)}, damage {i} at {at}", bytes(bad))

rgb = photo()
alpha = Image.fromarray(np.dstack([np.asarray(rgb), np.asarray(rgb.convert("L"))]))
for subsampling in (0, 1, 2):
    for progressive in (False, True):
        compare(f"jpeg {subsampling} {progressive}", saved(rgb, "JPEG", subsampling=subsampling, progressive=progressive))
        compare(f"jpeg q30 {subsampling} {progressive}", saved(rgb, "JPEG", subsampling=subsampling, progressive=progressive, quality=30))
compare("jpeg rgb", saved(rgb, "JPEG", keep_rgb=True))
compare("jpeg gray", saved(rgb.convert("L"), "JPEG"))
compare("jpeg cmyk", saved(rgb.convert("CMYK"), "JPEG"))
compare("jpeg restarts", saved(rgb, "JPEG", restart_marker_blocks=3))
for kind, options in (("JPEG", {}), ("PNG", {}), ("WEBP", {"lossless": True}), ("WEBP", {})):
    for o in range(10):
        compare(f"{kind} {options} turned {o}", saved(rgb, kind, exif=exif(o), **options))
xmp = '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
compare("jpeg turned by xmp", saved(rgb, "JPEG", xmp=xmp.encode()))
compare("webp turned by xmp", saved(rgb, "WEBP", xmp=xmp.encode()))
for mode in ("1", "L", "LA", "P", "RGB", "RGBA"):
    compare(f"png {mode}", saved(alpha.convert(mode), "PNG"))
compare("png 16 bits", saved(Image.fromarray((np.asarray(rgb.convert("L")).astype(np.uint16) * 259 + 7).astype(np.uint16)), "PNG"))
compare("png palette with alpha", saved(rgb.quantize(7), "PNG", transparency=2))
for im in (rgb, alpha):
    for options in ({"lossless": True}, {"lossless": True, "exact": True}, {"quality": 60}, {"quality": 95, "method": 6}):
        compare(f"webp {im.mode} {options}", saved(im, "WEBP", **options))
frames = [alpha, Image.fromarray(255 - np.asarray(alpha))]
compare("webp animated", saved(frames[0], "WEBP", save_all=True, append_images=frames[1:], duration=40))
compare("webp animated, lossless", saved(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True, background=(9, 9, 9, 9)))
for mode in ("1", "L", "RGB"):
    compare(f"pnm {mode}", saved(rgb.convert(mode), "PPM"))
for maxval in (1, 2, 3, 7, 100, 200, 254, 255, 256, 1000, 4095, 65534, 65535):
    v = rng.integers(0, maxval + 1, (7, 9, 3))
    for kind, c in ((5, 1), (6, 3)):
        raw = v[:, :, :c].astype(np.uint8 if maxval < 256 else ">u2").tobytes()
        plain = " ".join(str(x) for x in v[:, :, :c].ravel()).encode() + b"\n"
        # 16-bit RGB: Pillow scales to 8 bits and rounds, the rule here is the upper byte, as with PNG
        tolerance = 1 if c == 3 and maxval > 255 else 0
        compare(f"P{kind} of {maxval}", b"P%d\n# c\n9 7 %d\n" % (kind, maxval) + raw, tolerance)
        compare(f"P{kind - 3} of {maxval}", b"P%d 9 7\n#c\n%d\n" % (kind - 3, maxval) + plain, tolerance)
compare("P1", b"P1\n4 2\n0 1 #c\n 01\n1 1 0 0\n")
for name, data in (("jpeg", saved(rgb, "JPEG")), ("progressive", saved(rgb, "JPEG", progressive=True)), ("png", saved(rgb, "PNG")),
                   ("webp", saved(rgb, "WEBP")), ("lossless webp", saved(rgb, "WEBP", lossless=True)), ("ppm", saved(rgb, "PPM"))):
    for percent in range(5, 96, 10):
        compare(f"{name} cut at {percent} %", data[:len(data) * percent // 100])

# the same through the programs: what is refused is named and left out, nothing else is
odd = [f for f in files if "odd-images" in f]
with tempfile.TemporaryDirectory() as top:
    for path in odd:
        shutil.copy(path, top)
    line = '"$BUILD/bin/vit-fetch" "$0" --split all --max-bad 1000 | "$BUILD/bin/vit-augment" decode --max-bad 1000'
    run = subprocess.run(["sh", "-c", line, top], capture_output=True, check=False) if odd else None
if run:
    records = [r for r in msgpack.Unpacker(io.BytesIO(run.stdout), object_hook=msgpack_numpy.decode, max_buffer_size=1 << 30) if "id" in r]
    images = {r["id"]: r["image"] for r in records}
    named = run.stderr.decode()
    for path in odd:
        name = os.path.basename(path)
        with open(path, "rb") as f:
            a, _ = ours(f.read())
        if a is None:
            check(f"{name} by programs", name not in images and name in named, "refused, but not named")
        else:
            check(f"{name} by programs", name in images and np.array_equal(images[name], a), "not as vit_image_decode gives it")

print(f"{passed} passed, {failures} failed")
sys.exit(failures != 0)
