#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""CIFAR as its authors publish it for Python: real pickles of real numpy arrays,
protocol 2 to 4, give the stream that the binary files give."""
import os
import pickle
import subprocess
import sys
import tempfile

import numpy as np

BIN = os.path.join(os.environ["BUILD"], "bin")
failures = passed = 0


def fetch(path, *options):
    return subprocess.run([os.path.join(BIN, "vit-fetch"), path, "--split", "all", "--order", "source", *options],
                          capture_output=True, check=False)


def check(name, ok, more=""):
    global failures, passed
    passed += bool(ok)
    failures += not ok
    if not ok:
        print(f"FAILED {name} {more}")


rng = np.random.default_rng(0)
n = 50
pixels = rng.integers(0, 256, (n, 3072), dtype=np.uint8)
fine = rng.integers(0, 100, n)
coarse = rng.integers(0, 20, n)


with tempfile.TemporaryDirectory() as top:
    def folder(name, files):
        d = os.path.join(top, name)
        os.mkdir(d)
        for file, content in files.items():
            with open(os.path.join(d, file), "wb") as f:
                f.write(content)
        return d

    ten = fine % 10
    binary = b"".join(bytes([l]) + p.tobytes() for l, p in zip(ten, pixels))
    want = fetch(folder("bin10", {"test_batch.bin": binary}))
    check("binary CIFAR-10", want.returncode == 0 and len(want.stdout) > n * 3072, want.stderr)
    for protocol in (2, 3, 4):
        batch = {b"batch_label": b"testing batch 1 of 1", b"labels": [int(x) for x in ten], b"data": pixels,
                 b"filenames": [b"x_%d.png" % i for i in range(n)]}
        got = fetch(folder(f"py10-{protocol}", {"test_batch": pickle.dumps(batch, protocol=protocol)}))
        check(f"CIFAR-10 pickle protocol {protocol}", got.returncode == 0 and got.stdout == want.stdout, got.stderr)

    binary = b"".join(bytes([c, f]) + p.tobytes() for c, f, p in zip(coarse, fine, pixels))
    want = fetch(folder("bin100", {"test.bin": binary}))
    check("binary CIFAR-100", want.returncode == 0, want.stderr)
    for protocol in (2, 4):
        batch = {b"fine_labels": [int(x) for x in fine], b"coarse_labels": [int(x) for x in coarse], b"data": pixels}
        got = fetch(folder(f"py100-{protocol}", {"test": pickle.dumps(batch, protocol=protocol)}))
        check(f"CIFAR-100 pickle protocol {protocol}", got.returncode == 0 and got.stdout == want.stdout, got.stderr)

    class Evil:
        def __reduce__(self):
            return os.system, ("touch " + os.path.join(top, "executed"),)

    got = fetch(folder("evil", {"test_batch": pickle.dumps({b"labels": [0], b"data": Evil()}, protocol=2)}))
    check("a pickle naming os.system is refused by name", got.returncode == 1 and b"system" in got.stderr, got.stderr)
    check("and executes nothing", not os.path.exists(os.path.join(top, "executed")))

print(f"{passed} passed, {failures} failed")
sys.exit(failures != 0)
