"""What PyTorch reaches with labels derived from the shipped digits, for test/train/fixtures/multilabel.json.

    python scripts/make-multilabel-fixture.py > test/train/fixtures/multilabel.json
    python scripts/make-multilabel-fixture.py MNIST_FOLDER EPOCHS    # scores on MNIST alone; check-training.mjs reads them

Needs torch, numpy and scikit-learn. The network, the optimizer and the schedule are the defaults of `train`: an MLP of 128 and 64
ReLUs, Adam with a one-cycle rate up to 2e-3, batches of 32, 20 epochs, the epoch with the lowest validation loss.
"""
import copy
import gzip
import json
import sys
from pathlib import Path

import numpy as np
import torch
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score
from torch import nn

MNIST = len(sys.argv) > 1
FOLDER = Path(sys.argv[1]) if MNIST else Path(__file__).parent.parent / 'data' / 'digits'
EPOCHS = int(sys.argv[2]) if MNIST else 20
LABELS = {'even': [0, 2, 4, 6, 8], 'large': [5, 6, 7, 8, 9], 'loop': [0, 6, 8, 9], 'prime': [2, 3, 5, 7]}


def read(split):
    def idx(kind):
        path, = FOLDER.glob(f'{split}-{kind}*')
        data = path.read_bytes()
        data = gzip.decompress(data) if path.suffix == '.gz' else data
        return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3])
    digits = idx('labels')
    images = idx('images').reshape(len(digits), -1)
    labels = np.stack([np.isin(digits, members) for members in LABELS.values()], 1)
    return torch.tensor(images / 255, dtype=torch.float32), torch.tensor(labels, dtype=torch.float32)


def mnist():
    """A tenth of the training images, drawn at random, is for validation."""
    x, y = read('train')
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0)).split(len(x) - len(x) // 10)
    return {'train': (x[order[0]], y[order[0]]), 'valid': (x[order[1]], y[order[1]]), 'test': read('t10k')}


SPLITS = mnist() if MNIST else {split: read(split) for split in ('train', 'valid', 'test')}


def trained(columns, seed):
    torch.manual_seed(seed)
    (x, y), (vx, vy) = ((a, b[:, columns]) for a, b in (SPLITS['train'], SPLITS['valid']))
    net = nn.Sequential(nn.Linear(x.shape[1], 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, len(columns)))
    epochs, batch = EPOCHS, 32
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=epochs * -(-len(x) // batch))
    best = (np.inf, None)
    for _ in range(epochs):
        for chosen in torch.randperm(len(x)).split(batch):
            optimizer.zero_grad()
            nn.functional.binary_cross_entropy_with_logits(net(x[chosen]), y[chosen]).backward()
            optimizer.step()
            schedule.step()
        with torch.no_grad():
            loss = nn.functional.binary_cross_entropy_with_logits(net(vx), vy).item()
        if loss < best[0]:
            best = (loss, copy.deepcopy(net.state_dict()))
    net.load_state_dict(best[1])
    return net


def scores(columns, seed):
    net = trained(columns, seed)
    x, y = SPLITS['test']
    with torch.no_grad():
        p = net(x).sigmoid().numpy()
    y = y[:, columns].numpy()
    return {'averagePrecision': [average_precision_score(y[:, i], p[:, i]) for i in range(len(columns))],
            'rocAuc': [roc_auc_score(y[:, i], p[:, i]) for i in range(len(columns))],
            'labelAccuracy': float(((p > 0.5) == (y > 0.5)).mean()), 'microF1': f1_score(y, p > 0.5, average='micro')}


def metric_case():
    """Scores of random probabilities, for the definitions alone."""
    random = np.random.default_rng(7)
    y = (random.random((40, 3)) < [0.5, 0.2, 0.8]).astype(int)
    z = np.round(random.normal(size=(40, 3)) + y, 1)
    p = 1 / (1 + np.exp(-z))
    threshold = [0.5, 0.4, 0.7]
    return {'logits': z.flatten().tolist(), 'values': y.flatten().tolist(), 'thresholds': threshold,
            'averagePrecision': [average_precision_score(y[:, i], p[:, i]) for i in range(3)],
            'rocAuc': [roc_auc_score(y[:, i], p[:, i]) for i in range(3)],
            'f1': [f1_score(y[:, i], p[:, i] > threshold[i]) for i in range(3)],
            'microF1': f1_score(y, p > threshold, average='micro'), 'macroF1': f1_score(y, p > threshold, average='macro'),
            'exactMatch': float(((p > threshold) == y).all(1).mean()), 'labelAccuracy': float(((p > threshold) == y).mean()),
            'logLoss': float(nn.functional.binary_cross_entropy_with_logits(torch.tensor(z), torch.tensor(y, dtype=torch.float64)))}


seeds = range(3)
result = {'labels': LABELS, 'multilabel': [scores([0, 1, 2, 3], seed) for seed in seeds],
          'binary': [scores([0], seed) for seed in seeds]}
json.dump(result if MNIST else {**result, 'metrics': metric_case()}, sys.stdout, indent=1)
