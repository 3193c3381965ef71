#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tables that Python's csv module wrote: names of files and labels full of
delimiters, quotes and newlines arrive as they were."""
import csv
import io
import os
import random
import subprocess
import sys
import tempfile

import msgpack

BIN = os.path.join(os.environ["BUILD"], "bin")
PIECES = ['a', 'b', ',', ';', '\t', '"', '""', '\n', '\r\n', ' x', 'y ', 'é', '猫', "'", '\\', '.', '#', '|']
failures = passed = 0
rng = random.Random(0)


def check(name, ok, more=""):
    global failures, passed
    passed += bool(ok)
    failures += not ok
    if not ok:
        print(f"FAILED {name} {more}")


def text():
    return "".join(rng.choice(PIECES) for _ in range(rng.randint(1, 8)))


with tempfile.TemporaryDirectory() as top:
    for delimiter in ",;\t":
        for quoting in (csv.QUOTE_ALL, csv.QUOTE_MINIMAL):
            for end in ("\n", "\r\n"):
                rows = []
                for i in range(60):
                    # spaces around a field without quotes are not part of it
                    path, label = f"{text()}{i}.ppm", (text() if rng.random() < 0.9 else str(rng.randint(0, 9)))
                    if quoting == csv.QUOTE_MINIMAL:
                        path, label = path.strip(" "), label.strip(" ") or "z"
                    with open(os.path.join(top, path), "wb") as f:
                        f.write(b"P6 1 1 255 abc")
                    rows.append((path, label))
                table = os.path.join(top, "t.csv")
                with open(table, "w", newline="", encoding="utf-8") as f:
                    w = csv.writer(f, delimiter=delimiter, quoting=quoting, lineterminator=end)
                    w.writerow(["file", "more", "label"])
                    w.writerows((p, "", l) for p, l in rows)
                run = subprocess.run([os.path.join(BIN, "vit-fetch"), "--order", "source", table], capture_output=True, check=False)
                what = f"{delimiter!r}, quoting {quoting}, {end!r}"
                check(f"{what}: is read", run.returncode == 0, run.stderr)
                if run.returncode:
                    continue
                head, *body, _ = msgpack.Unpacker(io.BytesIO(run.stdout))
                names = head["meta"]["classes"]
                check(f"{what}: names", names == sorted({l for _, l in rows}, key=lambda s: s.encode()), names)
                check(f"{what}: rows", [(r["id"], names[r["label"]]) for r in body] == rows)

print(f"{passed} passed, {failures} failed")
sys.exit(failures != 0)
