"""One torchvision network with random weights: files to import, and what PyTorch and zennit compute.

Writes <folder>/<name>.pth, .pt2, .onnx and expected.safetensors: input and logits, input_pth where the state dict leaves the
preprocessing of the module out, and relevance and relevance_float32 where zennit can explain the network.
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
# zennit sees modules only: functional sums and average poolings, and batch norms that follow no convolution, are beyond it
EXPLAINED = ("alexnet", "vgg", "squeezenet", "resnet", "wide_resnet", "resnext", "googlenet")


def network(name):
    """Random weights under which every layer matters: as torchvision starts them, deep networks forget their input."""
    options = {"init_weights": False, "aux_logits": True} if name in ("googlenet", "inception_v3") else {}
    torch.manual_seed(0)
    model = getattr(torchvision.models, name)(weights=None, **options).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.min() == parameter.max():  # norms, biases, class tokens, layer scales: all 0, 1 or 1e-6
                if parameter.max() == 0:
                    parameter.normal_(0, 0.1)
                else:
                    parameter.uniform_(0.25, 0.75)
        calibrate(model, images(name, seed=2))
    return model


def calibrate(model, x):
    """Running statistics from a batch, so that signals neither fade nor explode; of unused layers, random ones."""
    norms = [module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.running_mean.normal_(0, 0.1)
        norm.running_var.uniform_(0.75, 1.25)
        norm.momentum = 1
        norm.train()
    model(x)
    for norm in norms:
        norm.eval()


def images(name, seed):
    size = 299 if name == "inception_v3" else 224
    return torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(seed))


def relevance(name, x, target, dtype):
    """zennit's epsilon-plus."""
    model = network(name).to(dtype)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):  # zennit's merged norms still divide by sqrt(1 + eps)
            module.running_var += module.eps
            module.eps = 1e-12
    canonizer = ResNetCanonizer() if "resne" in name else SequentialMergeBatchNorm()
    with Gradient(model, EpsilonPlus(canonizers=[canonizer])) as attributor:
        output = torch.eye(1000, dtype=dtype)[target] * model(x.to(dtype)).detach()
        return attributor(x.to(dtype), output)[1].float()


def main(name, folder):
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(2)
    model = network(name)
    x = images(name, seed=1)
    plain = x
    if hasattr(model, "transform_input"):  # published weights are used with it; a state dict cannot say so
        model.transform_input = True
        plain = model._transform_input(x)
    with torch.no_grad():
        single = model(x)
        logits = model.double()(x.double()).float()
        model.float()
    expected = {"input": x, "logits": logits, "logits_float32": single}
    if plain is not x:
        expected["input_pth"] = plain
    if name.startswith(EXPLAINED):
        target = logits.argmax(1)
        expected["relevance"] = relevance(name, plain, target, torch.float64)
        expected["relevance_float32"] = relevance(name, plain, target, torch.float32)
    save_file({key: value.contiguous() for key, value in expected.items()}, folder / "expected.safetensors")
    torch.save(model.state_dict(), folder / f"{name}.pth")
    batch = torch.export.Dim("batch")
    torch.export.save(torch.export.export(model, (x,), dynamic_shapes=({0: batch},)), folder / f"{name}.pt2")
    torch.onnx.export(model, (x,), folder / f"{name}.onnx", dynamo=True, dynamic_shapes=({0: batch},), verbose=False)


main(sys.argv[1], Path(sys.argv[2]))
