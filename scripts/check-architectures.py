"""One torchvision network with random weights: files to import, and what PyTorch and zennit compute.

Writes <folder>/<name>.pth, .pt2, .onnx and expected.safetensors (input, logits, and relevance where zennit can explain it).
"""

import sys
import warnings
from pathlib import Path

import torch
import torchvision
from safetensors.torch import save_file
from zennit.attribution import Gradient
from zennit.composites import EpsilonPlus
from zennit.torchvision import ResNetCanonizer, SequentialMergeBatchNorm

warnings.filterwarnings("ignore")
# zennit sees modules only: networks with functional sums, activations or poolings are beyond it
EXPLAINED = ("alexnet", "vgg", "squeezenet", "resnet", "wide_resnet", "resnext")


def network(name):
    options = {"init_weights": False, "aux_logits": True} if name in ("googlenet", "inception_v3") else {}
    torch.manual_seed(0)
    model = getattr(torchvision.models, name)(weights=None, **options).eval()
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.1)
                module.running_var.uniform_(0.75, 1.25)
        if name == "vit_b_16":  # starts from zeros: every logit would be 0
            model.heads.head.weight.normal_(0, 0.02)
    return model


def relevance(name, model, x, target):
    """zennit's epsilon-plus in float64."""
    model = network(name).double()
    canonizer = ResNetCanonizer() if "resne" in name else SequentialMergeBatchNorm()
    with Gradient(model, EpsilonPlus(canonizers=[canonizer])) as attributor:
        output = torch.eye(1000, dtype=torch.float64)[target] * model(x.double()).detach()
        return attributor(x.double(), output)[1].float()


def main(name, folder):
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(2)
    model = network(name)
    size = 299 if name == "inception_v3" else 224
    x = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        logits = model(x)
    expected = {"input": x, "logits": logits}
    if name.startswith(EXPLAINED):
        expected["relevance"] = relevance(name, model, x, logits.argmax(1))
    save_file(expected, folder / "expected.safetensors")
    torch.save(model.state_dict(), folder / f"{name}.pth")
    batch = torch.export.Dim("batch")
    torch.export.save(torch.export.export(model, (x,), dynamic_shapes=({0: batch},)), folder / f"{name}.pt2")
    torch.onnx.export(model, (x,), folder / f"{name}.onnx", dynamo=True, dynamic_shapes=({0: batch},), verbose=False)


main(sys.argv[1], Path(sys.argv[2]))
