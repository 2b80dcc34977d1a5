"""LXT's efficient form (CP-LRP in attention) on given weights and input, for peers.mjs (lib/peer_timing.py tells how)."""
import sys
from pathlib import Path

import torch
from lxt.efficient import monkey_patch
from torchvision.models import vision_transformer

from lib.peer_timing import load, serve


def by_lxt(model):
    """Its forward pass is patched: a gradient of it is relevance over input."""
    def run(x):
        x = x.clone().requires_grad_(True)
        return x.detach() * torch.autograd.grad(model(x)[:, 0].sum(), x)[0]
    return run


def main(folder, network, threads, device):
    make = getattr(vision_transformer, network)
    plain, x = load(make, folder, threads, device)
    unpatched = {cls: cls.forward for cls in (torch.nn.GELU, torch.nn.LayerNorm, torch.nn.MultiheadAttention)}
    monkey_patch(vision_transformer)
    patched = {cls: cls.forward for cls in unpatched}

    def use(forwards):
        for cls, forward in forwards.items():
            cls.forward = forward

    def explained(x):
        use(patched)
        try:
            return by_lxt(plain)(x)
        finally:
            use(unpatched)

    use(unpatched)
    serve(folder, plain, x, {'lxt': {'attnlrp-cp': explained}}, {'lxt': '2.1'})


if __name__ == '__main__':
    main(Path(sys.argv[1]), *sys.argv[2:])
