#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Streams of ours read in Python in two lines, Python's streams read by us."""
import ctypes
import ctypes.util
import json
import os
import struct
import subprocess
import sys
import tempfile

import msgpack
import msgpack_numpy
import numpy as np

BIN = os.path.join(os.environ.get("BUILD", "build"), "bin")
passed = failed = 0


def check(what, ok):
    global passed, failed
    passed, failed = passed + bool(ok), failed + (not ok)
    if not ok:
        print("FAILED:", what)


def vit(*args, data=b""):
    r = subprocess.run([os.path.join(BIN, args[0]), *args[1:]], input=data, capture_output=True)
    return r.returncode, r.stdout, r.stderr.decode()


def pack(x):
    return msgpack.packb(x, default=msgpack_numpy.encode)


rng = np.random.default_rng(1)
images = rng.integers(0, 256, (5, 4, 3, 1), dtype=np.uint8)


def stream(records, trailer=None, **meta):
    head = {"vit": "stream", "version": 1, "kind": "samples", "meta": {"classes": ["a", "b"], "labels": "index", **meta}}
    return b"".join([pack(head), *map(pack, records), pack({"end": True, "count": len(records)} if trailer is None else trailer)])


def records():
    return [{"id": f"r{i}", "seq": i, "epoch": 0, "label": i % 2, "image": images[i]} for i in range(5)]


def python_to_us():
    rc, out, err = vit("vit-show", "--json", data=stream(records()))
    check("msgpack-numpy stream without hash is read: " + err, rc == 0 and json.loads(out)["records"] == 5)
    check("labels are counted", [c["count"] for c in json.loads(out)["classes"]] == [3, 2])

    r = records()
    for i, x in enumerate(r):
        x["image"] = {"data": images[i].tobytes(), "shape": [4, 3, 1], "dtype": "uint8"}
    rc, plain, err = vit("vit-show", "--dump", data=stream(r))
    rc2, nd, _ = vit("vit-show", "--dump", data=stream(records()))
    check("plain bin + shape + dtype is the same image: " + err, rc == rc2 == 0 and plain == nd)

    r = records()
    for x in r:
        x["label"] = np.int64(x["label"])
    rc, out, err = vit("vit-show", "--dump", data=stream(r))
    check("numpy scalars are integers: " + err, rc == 0 and out == nd)

    r = records()
    for x in r:
        x["label"] = np.array([0.25, 0.75], dtype=np.float32)
    rc, out, err = vit("vit-show", "--json", data=stream(r))
    check("soft labels: " + err, rc == 0 and json.loads(out)["soft"] == 5)

    r = records()
    r[2]["image"] = np.array([None, 1], dtype=object)
    rc, out, err = vit("vit-show", data=stream(r))
    check("a pickled array is refused: " + err, rc == 1 and "record 3" in err and "refused" in err)

    r = records()
    r[0]["image"] = images[0].astype(">u2")
    rc, out, err = vit("vit-show", data=stream(r))
    check("big-endian is refused: " + err, rc == 1 and ">u2" in err)


def xxh3(data):
    lib = ctypes.CDLL(ctypes.util.find_library("xxhash"))
    lib.XXH3_64bits.restype = ctypes.c_uint64
    lib.XXH3_64bits.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
    return lib.XXH3_64bits(data, len(data))


def hashed():
    body = stream(records(), trailer={})[:-1]
    for value, want in ((xxh3(body), 0), (1, 1)):
        rc, _, err = vit("vit-show", data=body + pack({"end": True, "count": 5, "skipped": 0, "xxh3": value}))
        check("xxh3 written in Python: " + err, rc == want)


def idx(path, arrays):
    """IDX files, which vit-fetch reads."""
    for name, a in arrays.items():
        with open(os.path.join(path, name), "wb") as f:
            f.write(struct.pack(">I", 0x800 + a.ndim) + struct.pack(f">{a.ndim}I", *a.shape) + a.tobytes())


def us_to_python():
    x, y = rng.integers(0, 256, (7, 6, 5), dtype=np.uint8), np.arange(7, dtype=np.uint8) % 3
    with tempfile.TemporaryDirectory() as d:
        idx(d, {"train-images-idx3-ubyte": x, "train-labels-idx1-ubyte": y})
        out = os.path.join(d, "s.vits")
        rc, _, err = vit("vit-fetch", d, "--order", "source", "-o", out)
        check("vit-fetch: " + err, rc == 0)
        if rc:
            return
        # the two lines
        got = list(msgpack.Unpacker(open(out, "rb"), object_hook=msgpack_numpy.decode))
        head, recs, trailer = got[0], got[1:-1], got[-1]
        check("header", list(head)[0] == "vit" and head["kind"] == "samples" and head["meta"]["count"] == 7)
        check("images", all((r["image"][:, :, 0] == x[i]).all() and r["image"].shape == (6, 5, 1) for i, r in enumerate(recs)))
        check("labels", [r["label"] for r in recs] == y.tolist())
        check("trailer", trailer["end"] is True and trailer["count"] == 7 and trailer["xxh3"] > 0)
        check("bytes before it", trailer["bytes"] == os.path.getsize(out) - len(pack(trailer)))


python_to_us()
hashed()
us_to_python()
print(f"{passed} passed, {failed} failed")
sys.exit(failed != 0)
