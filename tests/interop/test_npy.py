#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Arrays that numpy wrote, in every variant: the records hold the pixels and
labels that numpy reads, or the array is refused by name with the remedy."""
import io
import os
import subprocess
import sys
import tempfile

import msgpack
import msgpack_numpy
import numpy as np

BIN = os.path.join(os.environ["BUILD"], "bin")
failures = passed = 0


def check(name, ok, more=""):
    global failures, passed
    passed += bool(ok)
    failures += not ok
    if not ok:
        print(f"FAILED {name} {more}")


def fetch(*args, stdin=None):
    return subprocess.run([os.path.join(BIN, "vit-fetch"), "--order", "source", *args], input=stdin, capture_output=True, check=False)


def records(run):
    return list(msgpack.Unpacker(io.BytesIO(run.stdout), object_hook=msgpack_numpy.decode))


def same(name, run, images, labels):
    if run.returncode:
        check(name, False, run.stderr)
        return
    head, *body, end = records(run)
    ok = end["count"] == len(images) == len(body) and len(body) > 0
    for i, r in enumerate(body):
        ok = ok and np.array_equal(r["image"], images[i]) and r["image"].dtype == np.uint8
        if labels is None:
            ok = ok and "label" not in r
        elif np.ndim(labels[i]):
            ok = ok and np.array_equal(r["label"], np.asarray(labels[i], "float32"))
        else:
            ok = ok and r["label"] == int(labels[i])
    check(name, ok, head)


def refused(name, run, *words):
    check(name, run.returncode == 1 and all(w.encode() in run.stderr for w in words), run.stderr)


rng = np.random.default_rng(0)
N = 7
rgb = rng.integers(0, 256, (N, 5, 6, 3), dtype=np.uint8)
gray = rng.integers(0, 256, (N, 5, 6), dtype=np.uint8)
y = rng.integers(0, 4, N)

with tempfile.TemporaryDirectory() as top:
    count = 0

    def folder(**arrays):
        global count
        count += 1
        d = os.path.join(top, str(count))
        os.mkdir(d)
        for key, value in arrays.items():
            path = os.path.join(d, key.replace("__", "/") + ".npy")
            os.makedirs(os.path.dirname(path), exist_ok=True)
            np.save(path, value)
        return d

    def npz(save=np.savez, **arrays):
        global count
        count += 1
        path = os.path.join(top, f"{count}.npz")
        save(path, **arrays)
        return path

    # shapes
    same("[N,H,W,C]", fetch(folder(x=rgb, y=y)), rgb, y)
    same("[N,H,W]", fetch(folder(x=gray, y=y)), gray[..., None], y)
    same("[N,H,W,1]", fetch(folder(x=gray[..., None], y=y)), gray[..., None], y)
    same("[N,C,H,W]", fetch(folder(x=np.ascontiguousarray(rgb.transpose(0, 3, 1, 2)), y=y)), rgb, y)
    same("[N,1,H,W]", fetch(folder(x=gray[:, None], y=y)), gray[..., None], y)
    four = rng.integers(0, 256, (N, 5, 6, 4), dtype=np.uint8)
    same("[N,H,W,4]", fetch(folder(x=four, y=y)), four, y)
    three = rng.integers(0, 256, (N, 3, 9, 3), dtype=np.uint8)
    same("[N,3,W,3]: the last dimension wins", fetch(folder(x=three, y=y)), three, y)
    same("fortran order", fetch(folder(x=np.asfortranarray(rgb), y=y)), rgb, y)
    same("fortran order, planar", fetch(folder(x=np.asfortranarray(rgb.transpose(0, 3, 1, 2)), y=y)), rgb, y)
    same("fortran order, gray", fetch(folder(x=np.asfortranarray(gray), y=y)), gray[..., None], y)
    same("bool", fetch(folder(x=gray > 99, y=y)), ((gray > 99) * 255).astype("uint8")[..., None], y)

    # labels
    for code in "|b1 |i1 |u1 <i2 >i2 <u2 >u2 <i4 >i4 <u4 >u4 <i8 >i8 <u8 >u8".split():
        want = y % 2 if code == "|b1" else y
        same(f"labels {code}", fetch(folder(images=rgb, labels=want.astype(code))), rgb, want)
        same(f"labels {code} [N,1]", fetch(folder(images=rgb, labels=want.astype(code)[:, None])), rgb, want)
    p = rng.random((N, 4))
    p /= p.sum(1, keepdims=True)
    for code in "<f2 >f2 <f4 >f4 <f8 >f8".split():
        same(f"probabilities {code}", fetch(folder(x=rgb, y=p.astype(code))), rgb, p.astype(code))
        same(f"probabilities {code}, fortran order", fetch(folder(x=rgb, y=np.asfortranarray(p.astype(code)))), rgb, p.astype(code))
    same("no labels", fetch(folder(x=rgb)), rgb, None)

    # header versions
    for version in ((1, 0), (2, 0), (3, 0)):
        path = os.path.join(top, f"v{version[0]}.npy")
        with open(path, "wb") as f:
            np.lib.format.write_array(f, rgb, version=version)
        same(f"version {version}", fetch(path), rgb, None)
        with open(path, "rb") as f:
            same(f"version {version} through a pipe", fetch("-", stdin=f.read()), rgb, None)

    # names and containers
    test, ty = rng.integers(0, 256, (3, 5, 6, 3), dtype=np.uint8), np.arange(3)
    for save in (np.savez, np.savez_compressed):
        for names in (("x_train", "y_train", "x_test", "y_test"), ("train_images", "train_labels", "test_images", "test_labels"),
                      ("X_train", "Y_train", "X_test", "Y_test"), ("train_data", "train_targets", "test_data", "test_targets")):
            path = npz(save, **dict(zip(names, (rgb, y, test, ty))))
            same(f"{save.__name__} {names[0]}", fetch(path), rgb, y)
            same(f"{save.__name__} {names[2]}", fetch(path, "--split", "test"), test, ty)
            same(f"{save.__name__} {names[0]} and {names[2]}", fetch(path, "--split", "all"), list(rgb) + list(test), list(y) + list(ty))
            with open(path, "rb") as f:
                same(f"{save.__name__} {names[0]} through a pipe", fetch("-", stdin=f.read()), rgb, y)
        for names in (("x", "y"), ("X", "Y"), ("images", "labels"), ("data", "labels"), ("image", "label"), ("arr_0", "arr_1")):
            same(f"{save.__name__} {names}", fetch(npz(save, **dict(zip(names, (rgb, y))))), rgb, y)
    medmnist = npz(train_images=rgb, train_labels=y[:, None], val_images=test, val_labels=ty[:, None], test_images=test, test_labels=ty[:, None])
    same("MedMNIST's validation", fetch(medmnist, "--split", "val"), test, ty)
    same("masks and ids beside images and labels", fetch(npz(images=rgb, labels=y, masks=gray, ids=np.arange(N) + 10**9)), rgb, y)
    run = fetch(npz(images=rgb, labels=y, masks=gray, ids=np.arange(N), mean=np.zeros(3)))
    check("what is passed over is said", b"passed over" in run.stderr and b"masks.npy" in run.stderr and b"ids.npy" in run.stderr
          and b"mean.npy" in run.stderr, run.stderr)
    run = fetch(folder(x_train=rgb, y_test=y))
    check("labels that are not used are said", b"y_test.npy" not in run.stderr and run.returncode == 0, run.stderr)
    run = fetch(folder(x_train=rgb, y_train_fine=y))
    same("two arrays that are alone", run, rgb, y)
    run = fetch(folder(x_a=rgb, y_a=y, x_b=rgb, y_c=y))
    check("labels without images and images without labels are said", b"y_c.npy: labels that" in run.stderr
          and b"x_b.npy: has no labels" in run.stderr, run.stderr)
    d = folder(train__x=rgb, train__y=y, test__x=test, test__y=ty)
    same("folders train and test", fetch(d), rgb, y)
    same("folders train and test: test", fetch(d, "--split", "test"), test, ty)
    d = folder(gaussian_noise=rgb, fog=rgb[::-1].copy(), labels=y)
    same("CIFAR-10-C: one labels.npy for all", fetch(d), list(rgb[::-1]) + list(rgb), list(y) * 2)
    d = folder(images=rgb, labels=y)
    same("two files", fetch(f"{d}/images.npy", f"{d}/labels.npy"), rgb, y)
    d = folder(a=rgb, b=y)
    same("two files that only shapes tell apart", fetch(f"{d}/a.npy", f"{d}/b.npy"), rgb, y)

    # refused
    refused("float images", fetch(folder(x=rgb.astype("float32") / 255)), "x.npy: [7,5,6,3] float32", "(255 * x).round().astype('uint8')")
    refused("int64 images", fetch(folder(x=rgb.astype("int64"))), "int64", "x.astype('uint8')")
    refused("a float array of any name", fetch(folder(foo=rgb.astype("float64"))), "foo.npy: [7,5,6,3] float64")
    refused("flat images", fetch(folder(x=rgb.reshape(N, -1))), "[7,90] uint8", "reshape")
    refused("one image", fetch(folder(x=rgb[0])), "may be one image", "x[None]")
    refused("objects", fetch(npz(x=np.array([None, 1], dtype=object))), "Python objects (dtype |O)")
    refused("structures", fetch(folder(x=np.zeros(3, [("a", "<i4"), ("b", "<f8", (2,))]))), "a structure")
    refused("void", fetch(folder(x=np.zeros((3, 4, 4), "V2"))), "|V2")
    refused("texts", fetch(folder(x=rgb, y=np.array(list("abcdefg")))), "texts (dtype <U1)", "numpy.unique")
    refused("complex", fetch(folder(x=rgb, y=np.zeros(N, complex))), "<c16")
    refused("float class numbers", fetch(folder(x=rgb, y=y.astype("f8"))), "y.astype('int64')")
    refused("several labels", fetch(folder(x=rgb, y=np.zeros((N, 3), int))), "several numbers an image")
    refused("negative labels", fetch(folder(x=rgb, y=y - 10)), "y.npy: label -", "no class number")
    refused("other counts", fetch(folder(x=rgb, y=y[:-1])), "x.npy has 7 images, y.npy 6 labels")
    refused("channels in no known place", fetch(folder(x=np.zeros((2, 20, 20, 20), "u1"))), "neither first nor last")
    refused("labels alone", fetch(folder(y=y)), "no array of images")
    bad = p.copy()
    bad[2, 1] = np.nan
    refused("a probability that is none", fetch(folder(x=rgb, y=bad)), "y.npy: record 3 (train/00002)")
    path = os.path.join(folder(x=rgb), "x.npy")
    os.truncate(path, os.path.getsize(path) - 1)
    refused("a file that is cut", fetch(path), "the file is cut")
    with open(path, "ab") as f:
        f.write(b"12")
    refused("a file that is too long", fetch(path), "more than one array")

print(f"{passed} passed, {failures} failed")
sys.exit(failures != 0)
