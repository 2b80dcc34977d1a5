"""Seconds per epoch of PyTorch, for bench/train.mjs: the usual script (PIL images, ToTensor, Normalize, DataLoader), and
tensors in memory with the fused optimizer. Prints one JSON document.

python train_pytorch.py --images images.bin --labels labels.bin --size 28 --model mlp --epochs 3 --threads 2
"""
import argparse
import json
import time

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

NETWORKS = {
    'mlp': lambda: nn.Sequential(nn.Flatten(), nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 10)),
    'lenet': lambda: nn.Sequential(
        nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(256, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)),
}


class Pictures(Dataset):
    def __init__(self, images, labels, transform):
        self.images, self.labels, self.transform = images, labels, transform

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        return self.transform(Image.fromarray(self.images[i])), int(self.labels[i])


def epoch(model, optimizer, batches):
    begun = time.perf_counter()
    loss_sum = 0.0
    for x, y in batches:
        optimizer.zero_grad(set_to_none=True)
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        loss_sum += loss.item()
    return time.perf_counter() - begun


def memory_batches(x, y, size):
    for index in torch.randperm(len(y)).split(size):
        yield x[index], y[index]


def main():
    parser = argparse.ArgumentParser()
    for name in ('images', 'labels', 'model'):
        parser.add_argument(f'--{name}', required=True)
    for name, value in (('size', 28), ('epochs', 3), ('threads', 2), ('batch', 64)):
        parser.add_argument(f'--{name}', type=int, default=value)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    labels = np.fromfile(args.labels, dtype=np.int32)
    images = np.fromfile(args.images, dtype=np.uint8).reshape(len(labels), args.size, args.size)
    x = torch.from_numpy(images).float().div(255).sub(0.1307).div(0.3081).unsqueeze(1)
    y = torch.from_numpy(labels).long()
    usual = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))])
    result = {'torch': torch.__version__}
    for how in ('usual', 'memory'):
        torch.manual_seed(0)
        model = NETWORKS[args.model]()
        optimizer = torch.optim.Adam(model.parameters(), fused=how == 'memory')
        loader = DataLoader(Pictures(images, labels, usual), batch_size=args.batch, shuffle=True)
        make = lambda: loader if how == 'usual' else memory_batches(x, y, args.batch)
        result[how] = [epoch(model, optimizer, make()) for _ in range(args.epochs + 1)][1:]
    print(json.dumps(result))


main()
