"""The usual zennit script beside bench/end-to-end.mjs, one task per process.

python end_to_end_zennit.py make FOLDER            writes the networks: NAME.pt2 and NAME.pth
python end_to_end_zennit.py TASK FOLDER SOURCE     photo: a picture; arrays, pictures: a folder of images; test: the same
"""
import sys
from pathlib import Path

import numpy as np
import torch
import torchvision
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.models.resnet import BasicBlock

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
NORMALISED = [transforms.ToTensor(), transforms.Normalize(MEAN, DEVIATION)]


class ResNet20(nn.Module):
    """He et al. 2015 for CIFAR, with torchvision's blocks, which zennit knows."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
        blocks, planes = [], 16
        for width in (16, 32, 64):
            for i in range(3):
                stride = 2 if i == 0 and width > 16 else 1
                down = nn.Sequential(nn.Conv2d(planes, width, 1, stride, bias=False), nn.BatchNorm2d(width)) if stride > 1 else None
                blocks.append(BasicBlock(planes, width, stride, down))
                planes = width
        self.blocks = nn.Sequential(*blocks)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(64, 10)

    def forward(self, x):
        return self.fc(torch.flatten(self.pool(self.blocks(self.stem(x))), 1))


NETWORKS = {
    'resnet20': (ResNet20, 32),
    'resnet50': (lambda: torchvision.models.resnet50(weights=None), 224),
}


def make(folder):
    """Random weights, as initialised; batch norms as after some training, so that activations stay in range."""
    for name, (build, size) in NETWORKS.items():
        torch.manual_seed(0)
        model = build()
        with torch.no_grad():
            for _ in range(20):
                model(torch.randn(8, 3, size, size))
        model.eval()
        torch.save(model.state_dict(), folder / f'{name}.pth')
        batch = {0: torch.export.Dim('batch')}
        torch.export.save(torch.export.export(model, (torch.randn(2, 3, size, size),), dynamic_shapes=[batch]), folder / f'{name}.pt2')


def load(folder, name):
    model = NETWORKS[name][0]()
    model.load_state_dict(torch.load(folder / f'{name}.pth'))
    return model.eval()


def explained(model, batches):
    """Relevance and logits of each batch under epsilon-plus, for the predicted classes."""
    from zennit.attribution import Gradient
    from zennit.composites import EpsilonPlus
    from zennit.torchvision import ResNetCanonizer
    predicted = lambda output: torch.eye(output.shape[1])[output.argmax(1)] * output
    with Gradient(model, EpsilonPlus(canonizers=[ResNetCanonizer()])) as attributor:
        for x in batches:
            output, relevance = attributor(x.requires_grad_(), predicted)
            yield relevance.detach().numpy(), output.detach().numpy()


def save_picture(path, relevance):
    """Blue, white, red. zennit.image.imsave does not run with Pillow 11 and later."""
    summed = relevance.sum(0)
    share = summed / max(float(np.abs(summed).max()), 1e-12)
    colours = np.stack([1 - np.maximum(-share, 0), 1 - np.abs(share), 1 - np.maximum(share, 0)], -1)
    Image.fromarray((colours * 255).astype(np.uint8)).save(path)


def loader(source):
    images = torchvision.datasets.ImageFolder(source, transforms.Compose(NORMALISED))
    return images, DataLoader(images, batch_size=32, num_workers=2)


def run(task, folder, source):
    if task == 'photo':
        prepare = transforms.Compose([transforms.Resize(256), transforms.CenterCrop(224), *NORMALISED])
        x = prepare(Image.open(source).convert('RGB'))[None]
        for relevance, _ in explained(load(folder, 'resnet50'), [x]):
            save_picture(folder / 'photo.png', relevance[0])
        return
    images, batches = loader(source)
    model = load(folder, 'resnet20')
    if task == 'test':
        with torch.no_grad():
            right = sum(int((model(x).argmax(1) == y).sum()) for x, y in batches)
        print(right / len(images))
        return
    found = list(explained(model, (x for x, _ in batches)))
    relevance = np.concatenate([maps for maps, _ in found])
    if task == 'arrays':
        np.save(folder / 'relevance.npy', relevance)
        np.save(folder / 'logits.npy', np.concatenate([logits for _, logits in found]))
    else:
        (folder / 'pictures').mkdir(exist_ok=True)
        for i, one in enumerate(relevance):
            save_picture(folder / 'pictures' / f'{i}.png', one)


if __name__ == '__main__':
    task, folder = sys.argv[1], Path(sys.argv[2])
    torch.set_num_threads(2)
    make(folder) if task == 'make' else run(task, folder, sys.argv[3])
