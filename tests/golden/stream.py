#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Wrote v1.vits and v1.vit, which every later release reads. Not to be run again."""
import ctypes
import ctypes.util
import os

import msgpack
import msgpack_numpy
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
lib = ctypes.CDLL(ctypes.util.find_library("xxhash"))
lib.XXH3_64bits.restype = ctypes.c_uint64
lib.XXH3_64bits.argtypes = [ctypes.c_char_p, ctypes.c_size_t]


def pack(x):
    return msgpack.packb(x, default=msgpack_numpy.encode)


def write(name, kind, meta, *records):
    history = [{"tool": "vit-fetch", "version": "0.1.0", "options": {"split": "train", "limit": 3}, "seed": 0, "from": []}]
    head = {"vit": "stream", "version": 1, "kind": kind, "requires": [], "meta": meta, "history": history}
    body = b"".join(map(pack, [head, *records]))
    with open(os.path.join(HERE, name), "wb") as f:
        f.write(body + pack({"end": True, "count": len(records), "skipped": 0, "xxh3": lib.XXH3_64bits(body, len(body))}))


img = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
write("v1.vits", "samples",
      {"dataset": "golden", "split": "train", "classes": ["cat", "dog", "ïgel"], "labels": "index", "shape": None, "count": 3,
       "epochs": 1, "shard": {"index": 0, "of": 2, "total": 5}, "mean": [0.5], "std": [0.25], "ops": ["hflip:p=0.5"], "random": True},
      {"id": "a/1.png", "seq": 0, "epoch": 0, "label": 2, "image": img},
      {"id": "b/2.jpg", "seq": 70000, "epoch": 0, "label": 0, "image": {"encoded": b"\xff\xd8\xff\xe0", "type": "jpeg"}, "box": [1, 2.5, None]},
      {"id": "c", "seq": 5000000000, "epoch": 0, "label": np.array([0.25, 0.5, 0.25], dtype=np.float32), "image": img[:1]})
write("v1.vit", "model", {"arch": {"type": "vit", "dim": 2}, "classes": ["cat", "dog"]},
      {"name": "head.weight", "tensor": np.arange(4, dtype=np.float32).reshape(2, 2)},
      {"name": "head.bias", "tensor": np.array([0x3F80, 0xC000], dtype=np.uint16), "dtype": "bfloat16"})
