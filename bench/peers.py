"""Runs zennit and captum on given weights and input; prints time ratios as JSON, writes the maps. Called by peers.mjs."""
import json
import statistics
import sys
import time
from pathlib import Path

import captum
import numpy as np
import torch
import torchvision
from captum.attr import LRP
from captum.attr._utils.lrp_rules import Alpha1_Beta0_Rule, EpsilonRule, GammaRule
from safetensors.torch import load_file, save_file
from zennit.attribution import Gradient
from zennit.canonizers import SequentialMergeBatchNorm
from zennit.composites import EpsilonPlus, LayerMapComposite
from zennit.rules import AlphaBeta, Epsilon, Gamma, Norm, Pass, ZPlus
from zennit.types import Activation, AvgPool, Linear

ZENNIT = {'epsilon': Epsilon, 'zplus': ZPlus, 'alpha2beta1': lambda: AlphaBeta(2, 1), 'gamma': lambda: Gamma(0.25)}
CAPTUM = {'epsilon': EpsilonRule, 'zplus': lambda: Alpha1_Beta0_Rule(set_bias_to_zero=True), 'gamma': GammaRule}


def baseline(model, x):
    x = x.clone().requires_grad_(True)
    return torch.autograd.grad(model(x)[:, 0].sum(), x)[0]


def by_zennit(model, name):
    if name == 'epsilon-plus':
        composite = EpsilonPlus(canonizers=[SequentialMergeBatchNorm()])
    else:
        layers = [(Activation, Pass()), (AvgPool, Norm()), (Linear, ZENNIT[name]())]
        composite = LayerMapComposite(layers, canonizers=[SequentialMergeBatchNorm()])

    def run(x):
        with Gradient(model, composite) as attributor:
            return attributor(x.clone(), lambda out: torch.nn.functional.one_hot(torch.zeros(len(out), dtype=torch.long, device=out.device), out.shape[1]) * out)[1]
    return run


def by_captum(model, name):
    for module in model.modules():
        if isinstance(module, (torch.nn.Conv2d, torch.nn.Linear)):
            module.rule = CAPTUM[name]()
        elif isinstance(module, (torch.nn.Flatten, torch.nn.AdaptiveAvgPool2d)):
            module.rule = EpsilonRule()
    return lambda x: LRP(model).attribute(x.clone().requires_grad_(True), target=0).detach()


def reset_peak():
    """Linux: the peak of resident memory starts anew."""
    Path('/proc/self/clear_refs').write_text('5')


def peak_megabytes():
    line = next(line for line in Path('/proc/self/status').read_text().splitlines() if line.startswith('VmHWM'))
    return int(line.split()[1]) / 1024


def now():
    """A clock that waits for the GPU where there is one."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def measure(model, x, run, repeat):
    ratios, times, peaks = [], [], []
    for i in range(repeat + 1):
        begun = now()
        baseline(model, x)
        reset_peak()
        between = now()
        found = run(x).cpu()
        if i > 0:  # the first round warms up
            times.append((now() - between) * 1000)
            ratios.append(times[-1] / ((between - begun) * 1000))
        peaks.append(peak_megabytes())
    return (statistics.median(ratios), statistics.median(times), statistics.median(peaks)), found


def main(folder, network, threads, repeat, device):
    torch.set_num_threads(int(threads))
    model = getattr(torchvision.models, network)(weights=None).eval()
    for module in model.modules():
        if isinstance(module, torch.nn.ReLU):
            module.inplace = False
    model.load_state_dict(load_file(folder / 'weights.safetensors'), strict=False)
    model.to(device)
    x = torch.tensor(np.load(folder / 'input.npy')).to(device)
    ratios, maps = {'zennit': {}, 'captum': {}}, {}
    for name in [*ZENNIT, 'epsilon-plus']:
        ratios['zennit'][name], maps[f'zennit.{name}'] = measure(model, x, by_zennit(model, name), int(repeat))
    for name in CAPTUM:
        try:
            ratios['captum'][name], maps[f'captum.{name}'] = measure(model, x, by_captum(model, name), int(repeat))
        except Exception as error:  # captum refuses networks with modules it has no rule for, or that are used twice
            print(f'captum, {name}: {error}', file=sys.stderr)
    ratios, milliseconds, memory = ({peer: {rule: value[i] for rule, value in found.items()} for peer, found in ratios.items()} for i in range(3))
    save_file({k: v.contiguous() for k, v in maps.items()}, folder / 'maps.safetensors')
    begun = time.perf_counter()
    baseline(model, x)
    versions = {'torch': torch.__version__, 'zennit': '0.5.1', 'captum': captum.__version__}
    print(json.dumps({'baseline': (time.perf_counter() - begun) * 1000, 'ratios': ratios, 'milliseconds': milliseconds, 'memory': memory, 'versions': versions}))


if __name__ == '__main__':
    main(Path(sys.argv[1]), *sys.argv[2:])
