"""Seconds per epoch of a folder of images through ImageFolder and DataLoader, for bench/decode.mjs. Prints one JSON document.

python decode_pytorch.py --root images/train --input 224 --crop 28 --epochs 2 --threads 2 --workers 2
"""
import argparse
import json
import time

import torch
from torch import nn
from torch.utils.data import DataLoader
from torchvision import datasets, transforms


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--root', required=True)
    for name, value in (('input', 224), ('crop', 28), ('epochs', 2), ('threads', 2), ('workers', 2), ('batch', 64)):
        parser.add_argument(f'--{name}', type=int, default=value)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    change = transforms.Compose([
        transforms.Resize((args.input, args.input)),
        transforms.RandomCrop(args.input, padding=args.crop),
        transforms.RandomHorizontalFlip(),
        transforms.ToTensor(),
        transforms.Normalize((0.5, 0.5, 0.5), (0.25, 0.25, 0.25)),
    ])
    images = datasets.ImageFolder(args.root, change)
    loader = DataLoader(images, args.batch, shuffle=True, num_workers=args.workers, persistent_workers=True)
    model = nn.Sequential(nn.Conv2d(3, 8, 8, 8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 2))
    optimizer = torch.optim.SGD(model.parameters(), 1e-3)
    seconds = []
    for _ in range(args.epochs + 1):
        begun = time.perf_counter()
        for x, y in loader:
            optimizer.zero_grad(set_to_none=True)
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
        seconds.append(time.perf_counter() - begun)
    print(json.dumps({'seconds': seconds[1:], 'torch': torch.__version__}))


if __name__ == '__main__':
    main()
