"""Quantus beside bench/metrics.mjs: reads the tasks of a folder, then runs one per line of stdin and answers with a line of
JSON: {"milliseconds": ..., "curves": [[...], ...]}.

python metrics_quantus.py FOLDER THREADS
"""
import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import quantus
import torch
import torchvision
from torch import nn

NETWORKS = {
    'lenet': lambda: nn.Sequential(
        nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(256, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)),
    'vgg16': lambda: torchvision.models.vgg16(weights=None),
}
# Maps are taken as they are; warnings cost more than the steps they warn of. All images of a task go through the network together.
COMMON = {'normalise': False, 'abs': False, 'disable_warnings': True, 'perturb_baseline': 'black'}
METRICS = {
    'pixel_flipping.morf.black': lambda task: quantus.PixelFlipping(features_in_step=task['featuresInStep'], **COMMON),
    'region_perturbation.morf.black': lambda task: quantus.RegionPerturbation(
        patch_size=task['patchSize'], regions_evaluation=task['regions'], order='morf', **COMMON),
}


def load(folder, task):
    """The network gets our weights in order: both list them layer by layer."""
    model = NETWORKS[task['network']]().eval()
    read = lambda name: np.load(folder / f"{task['network']}.{name}.npy")
    weights = [torch.tensor(read(name)) for name in task['weights']]
    model.load_state_dict(dict(zip(model.state_dict(), weights, strict=True)))
    return model, read('input'), read('target').astype(int), read('attribution')


def run(task, model, x, y, a):
    metric = METRICS[task['name']](task)
    begun = time.perf_counter()
    curves = metric(model=model, x_batch=x, y_batch=y, a_batch=a, channel_first=True, device='cpu', batch_size=len(x))
    milliseconds = (time.perf_counter() - begun) * 1000
    return {'milliseconds': milliseconds, 'curves': np.asarray(curves, dtype=float).tolist()}


def main(folder, threads):
    warnings.simplefilter('ignore')
    torch.set_num_threads(int(threads))
    tasks = {task['name']: task for task in json.loads((folder / 'tasks.json').read_text())}
    loaded = {name: load(folder, task) for name, task in tasks.items()}
    versions = {'quantus': quantus.__version__, 'torch': torch.__version__, 'torchvision': torchvision.__version__}
    print(json.dumps({'versions': versions}), flush=True)
    for line in sys.stdin:
        name = line.strip()
        print(json.dumps(run(tasks[name], *loaded[name])), flush=True)


if __name__ == '__main__':
    main(Path(sys.argv[1]), sys.argv[2])
