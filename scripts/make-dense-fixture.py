"""Segmentation networks and their relevance by zennit: the fixture of test/explain/dense.test.ts.

    pip install torch==2.11.0 torchvision==0.26.0 zennit==1.0.0 safetensors
    python scripts/make-dense-fixture.py test/explain/dense
    python scripts/make-dense-fixture.py FOLDER full    # torchvision's own networks; check-dense.mjs reads the folder

Batch norm is folded exactly, sums are modules, and interpolation has zennit's rule `Norm`, like average pooling. A product
shares relevance alike among its factors. `plain` leaves interpolation without a rule: zennit's own treatment.
"""

import sys
import warnings
from collections import OrderedDict
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F
from torchvision.models import mobilenetv3, resnet, segmentation
from torchvision.models._utils import IntermediateLayerGetter
from torchvision.models.segmentation import deeplabv3, fcn, lraspp
from torchvision.ops import misc
from zennit.composites import EpsilonAlpha2Beta1, EpsilonPlus
from zennit.layer import Sum
from zennit.rules import Norm

warnings.filterwarnings("ignore")
CLASSES = 5


class Interpolate(nn.Module):
    def __init__(self, **how):
        super().__init__()
        self.how = how

    def forward(self, x):
        return F.interpolate(x, **self.how)


class Product(torch.autograd.Function):
    """signal * gate, whose relevance is shared alike: the rule `uniform`."""

    @staticmethod
    def forward(context, signal, gate):
        return signal * gate

    @staticmethod
    def backward(context, relevance):
        return relevance / 2, relevance.sum((2, 3), keepdim=True) / 2


class Modular(nn.Module):
    """A network of torchvision with its functional steps as modules."""

    def __init__(self, network):
        super().__init__()
        self.network = network
        self.steps = nn.ModuleList()
        self.made = {}

    def step(self, key, make):
        if key not in self.made:
            self.made[key] = make()
            self.steps.append(self.made[key])
        return self.made[key]

    def forward(self, x):
        patched = {
            (resnet.Bottleneck, "forward"): lambda block, x: self.bottleneck(block, x),
            (mobilenetv3.InvertedResidual, "forward"): lambda block, x: self.inverted(block, x),
            (misc.SqueezeExcitation, "forward"): lambda block, x: Product.apply(x, block._scale(x)),
            (lraspp.LRASPPHead, "forward"): lambda head, x: self.head(head, x),
            (F, "interpolate"): lambda x, **how: self.interpolate(x, **how),
        }
        before = {(owner, name): getattr(owner, name) for owner, name in patched}
        for (owner, name), function in patched.items():
            setattr(owner, name, function)
        self.calls = 0
        try:
            result = self.network(x)
        finally:
            for (owner, name), function in before.items():
                setattr(owner, name, function)
        return result["out"] if isinstance(result, dict) else result

    def add(self, key, a, b):
        return self.step(key, Sum)(torch.stack([a, b], dim=-1))

    def bottleneck(self, b, x):
        out = b.relu(b.bn1(b.conv1(x)))
        out = b.relu(b.bn2(b.conv2(out)))
        out = b.bn3(b.conv3(out))
        return b.relu(self.add(b, out, x if b.downsample is None else b.downsample(x)))

    def inverted(self, b, x):
        return self.add(b, b.block(x), x) if b.use_res_connect else b.block(x)

    def head(self, head, inputs):
        x = Product.apply(head.cbr(inputs["high"]), head.scale(inputs["high"]))
        x = F.interpolate(x, size=inputs["low"].shape[-2:], mode="bilinear", align_corners=False)
        return self.add(head, head.low_classifier(inputs["low"]), head.high_classifier(x))

    def interpolate(self, x, **how):
        self.calls += 1
        step = self.step(self.calls, Interpolate)
        step.how = how
        before, F.interpolate = F.interpolate, torch.nn.functional.__dict__["_whole_interpolate"]
        try:
            return step(x)
        finally:
            F.interpolate = before


F._whole_interpolate = F.interpolate


def folded(network):
    """Batch norm merged into the convolution before it, wherever both stand in one module."""
    for module in network.modules():
        children = list(module.named_children())
        for (first, conv), (second, norm) in zip(children, children[1:]):
            if isinstance(norm, nn.BatchNorm2d) and isinstance(conv, (nn.Conv2d, nn.ConvTranspose2d)):
                setattr(module, first, nn.utils.fusion.fuse_conv_bn_eval(conv, norm, isinstance(conv, nn.ConvTranspose2d)))
                setattr(module, second, nn.Identity())
        if isinstance(module, resnet.Bottleneck):
            for i in (1, 2, 3):
                conv, norm = getattr(module, f"conv{i}"), getattr(module, f"bn{i}")
                if isinstance(norm, nn.BatchNorm2d):
                    setattr(module, f"conv{i}", nn.utils.fusion.fuse_conv_bn_eval(conv, norm))
                    setattr(module, f"bn{i}", nn.Identity())
    assert not any(isinstance(module, nn.BatchNorm2d) for module in network.modules())
    return network


def bottlenecks():
    """Stride, dilation and sums as in torchvision's dilated ResNets."""
    down = nn.Sequential(nn.Conv2d(8, 16, 1, bias=False), nn.BatchNorm2d(16))
    return nn.Sequential(OrderedDict(
        stem=nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(3, 2, 1)),
        one=resnet.Bottleneck(8, 4, downsample=down),
        two=resnet.Bottleneck(16, 4, dilation=2),
    ))


def small_fcn():
    return fcn.FCN(IntermediateLayerGetter(bottlenecks(), {"two": "out"}), fcn.FCNHead(16, CLASSES))


def small_deeplab():
    head = nn.Sequential(deeplabv3.ASPP(16, [1, 2, 3], 8), nn.Conv2d(8, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8),
                         nn.ReLU(), nn.Conv2d(8, CLASSES, 1))
    return deeplabv3.DeepLabV3(IntermediateLayerGetter(bottlenecks(), {"two": "out"}), head)


def small_lraspp():
    block = lambda *how: mobilenetv3.InvertedResidual(mobilenetv3.InvertedResidualConfig(*how, 1.0), nn.BatchNorm2d)
    backbone = nn.Sequential(OrderedDict(
        stem=misc.Conv2dNormActivation(3, 8, stride=2, activation_layer=nn.Hardswish),
        low=block(8, 3, 16, 8, True, "HS", 1, 1),
        down=block(8, 3, 16, 16, False, "RE", 2, 1),
        high=block(16, 3, 24, 16, True, "HS", 1, 2),
    ))
    return lraspp.LRASPP(IntermediateLayerGetter(backbone, {"low": "low", "high": "high"}), 8, 16, CLASSES, 8)


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        block = lambda i, o: nn.Sequential(nn.Conv2d(i, o, 3, padding=1), nn.BatchNorm2d(o), nn.ReLU())
        self.down1, self.down2, self.bottom = block(3, 8), block(8, 12), block(12, 16)
        self.pool = nn.MaxPool2d(2)
        self.up1, self.up2 = nn.ConvTranspose2d(16, 12, 2, 2), nn.ConvTranspose2d(12, 8, 2, 2)
        self.join1, self.join2 = block(24, 12), block(16, 8)
        self.out = nn.Conv2d(8, CLASSES, 1)

    def forward(self, x):
        a = self.down1(x)
        b = self.down2(self.pool(a))
        c = self.join1(torch.cat([self.up1(self.bottom(self.pool(b))), b], 1))
        return self.out(self.join2(torch.cat([self.up2(c), a], 1)))


def randomise(network):
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
            module.weight.uniform_(0.5, 1.5)
            module.bias.normal_(0, 0.3)


def full_networks():
    return {
        "fcn_resnet50": segmentation.fcn_resnet50(weights=None, weights_backbone=None, num_classes=21),
        "deeplabv3_mobilenet": segmentation.deeplabv3_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=21),
        "lraspp": segmentation.lraspp_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=21),
        "unet": UNet(),
    }


SMALL = {"fcn": small_fcn, "deeplab": small_deeplab, "lraspp": small_lraspp, "unet": UNet}


def relevance(network, composite, x, seed):
    with composite.context(network) as hooked:
        x = x.clone().requires_grad_()
        return torch.autograd.grad(hooked(x), x, seed)[0]


def explained(network, x):
    """Relevance of the class of most positions, where the network says it, in float64."""
    double = folded(network.double())
    modular = Modular(double).double().eval()
    modular(x)  # makes the steps
    logits = modular(x).detach()
    says = logits.argmax(1)
    target = torch.stack([one.flatten().bincount(minlength=logits.shape[1]).argmax() for one in says])
    region = says == target.view(-1, 1, 1)
    of_class = lambda index: F.one_hot(index, logits.shape[1]).view(*logits.shape[:2], 1, 1)
    seed = logits * of_class(target) * region.unsqueeze(1)
    result = {"input": x, "target": target, "region": region.to(torch.uint8), "score": seed.flatten(1).sum(1)}
    norm = [(Interpolate, Norm(stabilizer=1e-6))]
    for name, kind in {"epsilon-plus": EpsilonPlus, "epsilon-alpha2beta1": EpsilonAlpha2Beta1}.items():
        result[name] = relevance(modular, kind(layer_map=norm), x, seed)
    result["plain"] = relevance(modular, EpsilonPlus(), x, seed)
    means = (logits * region.unsqueeze(1)).sum((2, 3)) / region.sum((1, 2)).unsqueeze(1)
    result["runner-up"] = means.scatter(1, target.unsqueeze(1), -torch.inf).argmax(1)
    contrast = logits * (of_class(target) - of_class(result["runner-up"])) * region.unsqueeze(1)
    result["contrast"] = relevance(modular, EpsilonPlus(layer_map=norm), x, contrast)
    return {name: one.float().contiguous() if one.is_floating_point() else one for name, one in result.items()}


def main(folder, full=None):
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    size = 224 if full else 32
    networks = full_networks() if full else {name: make() for name, make in SMALL.items()}
    for name, network in networks.items():
        torch.manual_seed(1)
        with torch.no_grad():
            randomise(network.eval())
        x = torch.randn(1 if full else 2, 3, size, size)
        batch = torch.export.Dim("batch", min=1, max=64)
        program = torch.export.export(network, (torch.randn(2, 3, size, size),), dynamic_shapes=({0: batch},))
        for node in program.graph.nodes:
            node.meta.pop("stack_trace", None)
        torch.export.save(program, folder / f"{name}.pt2")
        save_file(explained(network, x.double()), folder / f"{name}.safetensors")


main(Path(sys.argv[1]), *sys.argv[2:])
