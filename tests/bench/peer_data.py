"""peer_data.py photos FILE.jpg... | peer_data.py cifar RECORDS

What vit-augment does to training images, in torchvision at its best settings on
one core: photographs from encoded bytes in memory to 224 pixels (a random
resized crop with antialiasing, then a flip), by decode_jpeg and tensor
transforms, and by Pillow; CIFAR-size images through a DataLoader (crop with
padding 4, flip), in process or with one worker. Prints images/s and the name
of each, the best first.
"""
import io
import sys
import time

import torch
from PIL import Image
from torchvision.io import decode_jpeg
from torchvision.transforms import v2

torch.set_num_threads(1)
torch.manual_seed(0)


def photos(paths):
    files = [open(p, "rb").read() for p in paths]
    tensors = [torch.frombuffer(bytearray(f), dtype=torch.uint8) for f in files]
    transform = v2.Compose([v2.RandomResizedCrop(224, antialias=True), v2.RandomHorizontalFlip()])

    def tensor_path():
        for t in tensors:
            transform(decode_jpeg(t))

    def pillow_path():
        for f in files:
            v2.functional.pil_to_tensor(transform(Image.open(io.BytesIO(f)).convert("RGB")))

    for name, f in ("decode_jpeg", tensor_path), ("Pillow", pillow_path):
        f()
        yield name, best_of(f, 5, len(files))


def best_of(f, turns, images):
    times = []
    for _ in range(turns):
        t = time.perf_counter()
        f()
        times.append(time.perf_counter() - t)
    return images / sorted(times)[turns // 2]


class Cifar(torch.utils.data.Dataset):
    def __init__(self, n):
        self.x = torch.randint(0, 256, (n, 3, 32, 32), dtype=torch.uint8)
        self.y = torch.randint(0, 10, (n,))
        self.transform = v2.Compose([v2.RandomCrop(32, padding=4), v2.RandomHorizontalFlip()])

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return self.transform(self.x[i]), self.y[i]


def cifar(n):
    data = Cifar(n)
    for workers in 0, 1:
        loader = torch.utils.data.DataLoader(data, batch_size=128, num_workers=workers, persistent_workers=workers > 0)

        def epoch():
            for _ in loader:
                pass

        epoch()
        yield f"{workers} workers", best_of(epoch, 3, n)


results = photos(sys.argv[2:]) if sys.argv[1] == "photos" else cifar(int(sys.argv[2]))
for name, rate in sorted(results, key=lambda r: -r[1]):
    print(f"{rate:.1f} {name}")
