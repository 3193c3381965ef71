#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Class folders are what torchvision's ImageFolder makes of them: the same
classes in the same order, the same files with the same labels, the same bytes."""
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile

import msgpack
from PIL import Image
from torchvision.datasets import ImageFolder

BIN = os.path.join(os.environ["BUILD"], "bin")
failures = passed = 0


def check(name, ok, more=""):
    global failures, passed
    passed += bool(ok)
    failures += not ok
    if not ok:
        print(f"FAILED {name} {more}")


def fetch(path, *options):
    out = subprocess.run([os.path.join(BIN, "vit-fetch"), "-q", path, *options], capture_output=True, check=True).stdout
    unpacker = msgpack.Unpacker(raw=False, strict_map_key=False)
    unpacker.feed(out)
    header, *records, _ = list(unpacker)
    return header["meta"]["classes"], {r["id"]: (r["label"], r["image"]["encoded"]) for r in records}


def peer(path):
    folder = ImageFolder(path)
    files = {os.path.relpath(name, path): (label, open(name, "rb").read()) for name, label in folder.samples}
    return folder.classes, files


with tempfile.TemporaryDirectory() as top:
    names = ["ants/1.jpg", "ants/10.JPG", "ants/2.jpeg", "ants/old/3.png", "Bees/1.png", "Bees/notes.txt", "été/a b.webp",
             "a-b/x.ppm", "a/x.ppm", "ants/.hidden.txt", "日本/1.png"]
    root = os.path.join(top, "set", "train")
    for i, name in enumerate(names):
        file = os.path.join(root, name)
        os.makedirs(os.path.dirname(file), exist_ok=True)
        if name.endswith(".txt"):
            with open(file, "w", encoding="utf-8") as f:
                f.write("no image")
        else:
            Image.new("RGB", (4 + i, 5), (i * 20, 100, 200)).save(file)
    want = peer(root)
    check("a directory", fetch(root) == want, fetch(root)[0])
    check("with splits", fetch(os.path.join(top, "set")) == want)
    for suffix in ("tar", "tar.gz", "tar.xz"):
        file = os.path.join(top, "set." + suffix)
        with tarfile.open(file, "w:" + suffix[4:]) as t:
            t.add(os.path.join(top, "set"), "set")
        check(suffix, fetch(file) == want)
    for how in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        file = os.path.join(top, "set.zip")
        with zipfile.ZipFile(file, "w", how) as z:
            for name in names:
                z.write(os.path.join(root, name), "set/train/" + name)
        check(f"zip {how}", fetch(file) == want)

    shared = os.path.join(os.environ.get("VIT_SHARED", "../shared"), "data", "hymenoptera")
    if os.path.isdir(shared):
        for split in ("train", "val"):
            check("photos " + split, fetch(shared, "--split", split) == peer(os.path.join(shared, split)))

print(f"{passed} passed, {failures} failed")
sys.exit(failures != 0)
