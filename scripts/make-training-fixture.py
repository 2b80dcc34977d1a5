"""Values of PyTorch's losses, optimizers and schedulers for test/train/fixtures/pytorch.json.

Needs torch (2.11.0 was used): python scripts/make-training-fixture.py > test/train/fixtures/pytorch.json
"""
import json

import torch
from torch import nn, optim

torch.manual_seed(0)
STEPS = 6
START = torch.randn(4, 3)
GRADIENTS = [torch.randn(4, 3) for _ in range(STEPS)]
FACTORS = [1.0, 1.0, 0.5, 0.5, 0.25, 0.1]

OPTIMIZERS = {
    'sgd': (optim.SGD, [{}, {'momentum': 0.9}, {'momentum': 0.9, 'nesterov': True, 'weight_decay': 0.01}]),
    'adam': (optim.Adam, [{}, {'weight_decay': 0.01}]),
    'adamw': (optim.AdamW, [{'weight_decay': 0.0}, {'weight_decay': 0.1}]),
    'rmsprop': (optim.RMSprop, [{}, {'momentum': 0.9, 'weight_decay': 0.01}]),
    'adagrad': (optim.Adagrad, [{}, {'weight_decay': 0.01}]),
}


def numbers(tensor):
    return {'data': tensor.detach().flatten().tolist(), 'shape': list(tensor.shape)}


def optimizer_steps(kind, settings):
    parameter = nn.Parameter(START.clone())
    optimizer = kind([parameter], lr=0.05, **settings)
    after = []
    for gradient, factor in zip(GRADIENTS, FACTORS):
        optimizer.param_groups[0]['lr'] = 0.05 * factor
        parameter.grad = gradient.clone()
        optimizer.step()
        after.append(numbers(parameter))
    return after


def loss_case(name, function, output, target, **options):
    output = output.clone().requires_grad_(True)
    loss = function(output, target)
    loss.backward()
    return {'options': {'loss': name, **options}, 'output': numbers(output), 'target': target.flatten().tolist(),
            'loss': loss.item(), 'gradient': numbers(output.grad)}


def losses():
    output, labels = torch.randn(5, 4, dtype=torch.float64), torch.tensor([0, 3, 1, 1, 2])
    weights = torch.tensor([1.0, 2.0, 0.5, 0.0], dtype=torch.float64)
    one_hot = lambda t: nn.functional.one_hot(t, 4).double()
    f = nn.functional
    return [
        loss_case('cross-entropy', f.cross_entropy, output, labels),
        loss_case('cross-entropy', lambda o, t: f.cross_entropy(o, t, weight=weights, label_smoothing=0.2), output, labels,
                  labelSmoothing=0.2, classWeights=weights.tolist()),
        loss_case('nll', lambda o, t: f.nll_loss(o.log_softmax(1), t, weight=weights), output, labels, classWeights=weights.tolist()),
        loss_case('mse', lambda o, t: f.mse_loss(o, one_hot(t)), output, labels),
        loss_case('mae', lambda o, t: f.l1_loss(o, one_hot(t)), output, labels),
        loss_case('huber', lambda o, t: f.huber_loss(o, one_hot(t), delta=0.7), output, labels, huberDelta=0.7),
    ]


def rates(make, steps, **options):
    optimizer = optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = make(optimizer)
    values = []
    for _ in range(steps):
        values.append(optimizer.param_groups[0]['lr'])
        optimizer.step()
        scheduler.step()
    return {'options': options, 'factors': values}


def warmed(main, steps):
    def make(optimizer):
        warm = optim.lr_scheduler.LinearLR(optimizer, start_factor=0.01, total_iters=steps)
        return optim.lr_scheduler.SequentialLR(optimizer, [warm, main(optimizer)], milestones=[steps])
    return make


def schedules():
    s = optim.lr_scheduler
    return [
        rates(lambda o: s.ConstantLR(o, factor=1.0), 10, name='constant', totalSteps=10),
        rates(lambda o: s.StepLR(o, 4, gamma=0.3), 20, name='step', stepSize=4, gamma=0.3, totalSteps=20),
        rates(lambda o: s.CosineAnnealingLR(o, 20), 20, name='cosine', totalSteps=20),
        rates(lambda o: s.OneCycleLR(o, 1.0, total_steps=40, cycle_momentum=False), 39, name='one-cycle', totalSteps=40),
        rates(warmed(lambda o: s.CosineAnnealingLR(o, 15), 5), 20, name='cosine', warmupSteps=5, totalSteps=20),
        rates(warmed(lambda o: s.StepLR(o, 4, gamma=0.3), 5), 20, name='step', stepSize=4, gamma=0.3, warmupSteps=5, totalSteps=20),
    ]


def plateau():
    losses = [1.0, 0.9, 0.9, 0.89995, 0.9, 0.8, 0.81, 0.82, 0.83, 0.84, 0.85, 0.7]
    optimizer = optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.2, patience=2)
    factors = []
    for loss in losses:
        scheduler.step(loss)
        factors.append(optimizer.param_groups[0]['lr'])
    return {'options': {'name': 'plateau', 'gamma': 0.2, 'patience': 2}, 'losses': losses, 'factors': factors}


print(json.dumps({
    'torch': torch.__version__,
    'start': numbers(START), 'gradients': [numbers(g) for g in GRADIENTS], 'factors': FACTORS,
    'optimizers': [{'optimizer': name, 'settings': settings, 'after': optimizer_steps(kind, settings)}
                   for name, (kind, variants) in OPTIMIZERS.items() for settings in variants],
    'losses': losses(), 'schedules': schedules(), 'plateau': plateau(),
}, indent=1))
