"""zennit and captum on given weights and input, for peers.mjs (lib/peer_timing.py tells how)."""
import sys
from pathlib import Path

import captum
import torch
import torchvision
from captum.attr import LRP
from captum.attr._utils.lrp_rules import Alpha1_Beta0_Rule, EpsilonRule, GammaRule
from zennit.attribution import Gradient
from zennit.canonizers import SequentialMergeBatchNorm
from zennit.composites import EpsilonPlus, LayerMapComposite
from zennit.rules import AlphaBeta, Epsilon, Gamma, Norm, Pass, ZPlus
from zennit.types import Activation, AvgPool, Linear

from lib.peer_timing import load, serve

ZENNIT = {'epsilon': Epsilon, 'zplus': ZPlus, 'alpha2beta1': lambda: AlphaBeta(2, 1), 'gamma': lambda: Gamma(0.25)}
CAPTUM = {'epsilon': EpsilonRule, 'zplus': lambda: Alpha1_Beta0_Rule(set_bias_to_zero=True), 'gamma': GammaRule}


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
    def run(x):
        for module in model.modules():
            if isinstance(module, (torch.nn.Conv2d, torch.nn.Linear)):
                module.rule = CAPTUM[name]()
            elif isinstance(module, (torch.nn.Flatten, torch.nn.AdaptiveAvgPool2d)):
                module.rule = EpsilonRule()
        return LRP(model).attribute(x.clone().requires_grad_(True), target=0).detach()
    return run


def main(folder, network, threads, device):
    model, x = load(getattr(torchvision.models, network), folder, threads, device)
    peers = {
        'zennit': {name: by_zennit(model, name) for name in [*ZENNIT, 'epsilon-plus']},
        'captum': {name: by_captum(model, name) for name in CAPTUM},
    }
    serve(folder, model, x, peers, {'zennit': '0.5.1', 'captum': captum.__version__})


if __name__ == '__main__':
    main(Path(sys.argv[1]), *sys.argv[2:])
