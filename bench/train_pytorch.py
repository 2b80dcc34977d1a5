"""Seconds of each epoch of PyTorch after the first, for bench/train.mjs: the usual script (PIL images, transforms,
DataLoader), or tensors in memory with the fused optimizer. Prints them as JSON.

python train_pytorch.py --how memory --images images.bin --labels labels.bin --size 28 --channels 1 --model mlp --epochs 3 --threads 2
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


class Block(nn.Module):
    """Two convolutions, and a shortcut that takes every second pixel and pads channels with zeros (option A)."""

    def __init__(self, inputs, planes, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.narrow = None if stride == 1 else planes // 4

    def forward(self, x):
        shortcut = x if self.narrow is None else nn.functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.narrow, self.narrow))
        y = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return torch.relu(y + shortcut)


def resnet20():
    widths = [(16, 16, 1), (16, 16, 1), (16, 16, 1), (16, 32, 2), (32, 32, 1), (32, 32, 1), (32, 64, 2), (64, 64, 1), (64, 64, 1)]
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(), *(Block(*w) for w in widths),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


NETWORKS = {
    'mlp': lambda: nn.Sequential(nn.Flatten(), nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 10)),
    'lenet': lambda: nn.Sequential(
        nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(256, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)),
    'resnet20': resnet20,
}
CHANGED = {'resnet20'}  # cropped and mirrored at random


class Pictures(Dataset):
    def __init__(self, images, labels, transform):
        self.images = images.squeeze(1) if images.shape[1] == 1 else np.ascontiguousarray(images.transpose(0, 2, 3, 1))
        self.labels, self.transform = labels, transform

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        return self.transform(Image.fromarray(self.images[i])), int(self.labels[i])


def moved(x):
    """Every image of a batch cropped at a random place of itself with 4 pixels around, and mirrored with probability 1/2."""
    n, channels, size, _ = x.shape
    steps = torch.arange(size, device=x.device)
    rows, columns = (torch.randint(0, 9, (n, 1), device=x.device) + steps for _ in range(2))
    columns = torch.where(torch.rand(n, 1, device=x.device) < 0.5, columns.flip(1), columns)
    index = torch.arange(n, device=x.device).view(-1, 1, 1, 1), torch.arange(channels, device=x.device).view(1, -1, 1, 1)
    return nn.functional.pad(x, (4, 4, 4, 4))[(*index, rows[:, None, :, None], columns[:, None, None, :])]


def memory_batches(x, y, size, changed):
    for index in torch.randperm(len(y), device=x.device).split(size):
        yield moved(x[index]) if changed else x[index], y[index]


def epoch(model, optimizer, batches, args, reads_every_loss):
    """Seconds. The usual script looks at every loss, which on a GPU waits for it."""
    kind = {'fp32': None, 'bf16': torch.bfloat16, 'fp16': torch.float16}[args.precision]
    scaler = torch.amp.GradScaler(args.device, enabled=args.precision == 'fp16')
    begun = time.perf_counter()
    loss_sum = 0.0
    for x, y in batches:
        x, y = x.to(args.device, non_blocking=True), y.to(args.device, non_blocking=True)
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(args.device.split(':')[0], kind, enabled=kind is not None):
            loss = nn.functional.cross_entropy(model(x), y)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        loss_sum += loss.item() if reads_every_loss else loss.detach()
    float(loss_sum)
    return time.perf_counter() - begun


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--how', choices=('usual', 'memory'), required=True)
    for name in ('images', 'labels', 'model'):
        parser.add_argument(f'--{name}', required=True)
    for name, value in (('size', 28), ('channels', 1), ('epochs', 3), ('threads', 2), ('batch', 64)):
        parser.add_argument(f'--{name}', type=int, default=value)
    for name, value in (('device', 'cpu'), ('precision', 'fp32')):
        parser.add_argument(f'--{name}', default=value)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    labels = np.fromfile(args.labels, dtype=np.int32)
    images = np.fromfile(args.images, dtype=np.uint8).reshape(len(labels), args.channels, args.size, args.size)
    x = torch.from_numpy(images).float().div(255)
    mean, std = x.mean((0, 2, 3)), x.std((0, 2, 3))
    x = x.sub(mean.view(-1, 1, 1)).div(std.view(-1, 1, 1)).to(args.device)
    y = torch.from_numpy(labels).long().to(args.device)
    changed = args.model in CHANGED
    moves = [transforms.RandomCrop(args.size, 4), transforms.RandomHorizontalFlip()] if changed else []
    usual = transforms.Compose([*moves, transforms.ToTensor(), transforms.Normalize(mean.tolist(), std.tolist())])
    cuda = args.device != 'cpu'
    fused = args.how == 'memory'
    torch.manual_seed(0)
    model = NETWORKS[args.model]().to(args.device)
    if changed:
        optimizer = torch.optim.SGD(model.parameters(), 0.1, 0.9, nesterov=True, weight_decay=5e-4, fused=fused)
    else:
        optimizer = torch.optim.Adam(model.parameters(), fused=fused)
    workers = {'num_workers': args.threads, 'pin_memory': True, 'persistent_workers': True} if cuda else {}
    loader = DataLoader(Pictures(images, labels, usual), batch_size=args.batch, shuffle=True, **workers)
    make = lambda: loader if args.how == 'usual' else memory_batches(x, y, args.batch, changed)
    print(json.dumps([epoch(model, optimizer, make(), args, args.how == 'usual') for _ in range(args.epochs + 1)][1:]))


main()
