"""A small YOLOv8-like detector and what PyTorch computes of it: the fixture of test/explain/detector.test.ts.

    pip install torch==2.11.0 onnx==1.23.2 onnxscript==0.7.2 safetensors
    python scripts/make-detector-fixture.py test/explain/detector

Three scales with strides 8, 16 and 32, boxes decoded from distribution focal loss, class scores by sigmoid, one output
[batch, 4 + classes, boxes] as Ultralytics exports it, for images of any size.
"""

import sys
import warnings
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

warnings.filterwarnings("ignore")
CLASSES = 6
BINS = 8
STRIDES = (8, 16, 32)


class Conv(nn.Sequential):
    def __init__(self, i, o, k=1, s=1):
        super().__init__(nn.Conv2d(i, o, k, s, k // 2, bias=False), nn.BatchNorm2d(o), nn.SiLU())


class C2f(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.first, self.inner = Conv(i, o), nn.Sequential(Conv(o // 2, o // 2, 3), Conv(o // 2, o // 2, 3))
        self.last = Conv(o // 2 * 3, o)

    def forward(self, x):
        a, b = self.first(x).chunk(2, 1)
        return self.last(torch.cat([a, b, b + self.inner(b)], 1))


class SPPF(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.first, self.last, self.pool = Conv(width, width // 2), Conv(width * 2, width), nn.MaxPool2d(5, 1, 2)

    def forward(self, x):
        x = self.first(x)
        y = self.pool(x)
        z = self.pool(y)
        return self.last(torch.cat([x, y, z, self.pool(z)], 1))


class Detector(nn.Module):
    def __init__(self, a=8, b=8, c=16):
        super().__init__()
        self.stem = nn.Sequential(Conv(3, 4, 3, 2), Conv(4, 8, 3, 2))
        self.p3 = nn.Sequential(Conv(8, a, 3, 2), C2f(a, a))
        self.p4 = nn.Sequential(Conv(a, b, 3, 2), C2f(b, b))
        self.p5 = nn.Sequential(Conv(b, c, 3, 2), C2f(c, c), SPPF(c))
        self.up = nn.Upsample(scale_factor=2, mode="nearest")
        self.n4, self.n3 = C2f(b + c, b), C2f(a + b, a)
        self.boxes = nn.ModuleList(nn.Sequential(Conv(i, 8, 3), nn.Conv2d(8, 4 * BINS, 1)) for i in (a, b, c))
        self.classes = nn.ModuleList(nn.Sequential(Conv(i, 8, 3), nn.Conv2d(8, CLASSES, 1)) for i in (a, b, c))
        self.bins = nn.Conv2d(BINS, 1, 1, bias=False).requires_grad_(False)
        self.bins.weight.data = torch.arange(BINS, dtype=torch.float).view(1, BINS, 1, 1)

    def forward(self, x):
        p3 = self.p3(self.stem(x))
        p4 = self.p4(p3)
        p5 = self.p5(p4)
        n4 = self.n4(torch.cat([self.up(p5), p4], 1))
        n3 = self.n3(torch.cat([self.up(n4), p3], 1))
        return self.decode([n3, n4, p5])

    def decode(self, scales):
        raw = [torch.cat([self.boxes[i](f), self.classes[i](f)], 1).flatten(2) for i, f in enumerate(scales)]
        boxes, classes = torch.cat(raw, 2).split((4 * BINS, CLASSES), 1)
        batch, _, count = boxes.shape
        bins = boxes.view(batch, 4, BINS, count).transpose(2, 1).softmax(1)
        left, right = self.bins(bins).view(batch, 4, count).chunk(2, 1)
        places, strides = [], []
        for stride, f in zip(STRIDES, scales):
            h, w = f.shape[2], f.shape[3]
            y, x = torch.meshgrid(torch.arange(h) + 0.5, torch.arange(w) + 0.5, indexing="ij")
            places.append(torch.stack([x, y], -1).view(-1, 2))
            strides.append(torch.full((h * w, 1), float(stride)))
        places, strides = torch.cat(places).t().unsqueeze(0), torch.cat(strides).t()
        first, last = places - left, places + right
        return torch.cat([torch.cat([(first + last) / 2, last - first], 1) * strides, classes.sigmoid()], 1)


def randomise(network):
    """Batch norms know the statistics of random images: with others the image fades from layer to layer, and scores are constant."""
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    for module in norms:
        module.weight.uniform_(0.8, 1.6)
        module.bias.normal_(0, 0.3)
        module.momentum = None  # the mean of all batches
    network.train()
    for _ in range(8):
        network(torch.randn(8, 3, 64, 64))
    network.eval()
    for boxes, classes in zip(network.boxes, network.classes):
        boxes[-1].bias.copy_(-0.7 * torch.arange(BINS).repeat(4))  # small boxes
        classes[-1].weight.mul_(2)


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    network = Detector().eval()
    with torch.no_grad():
        randomise(network)
    batch, height, width = (torch.export.Dim(name, min=1, max=20) for name in ("batch", "h", "w"))
    shapes = ({0: batch, 2: 32 * height, 3: 32 * width},)
    for size in ((64, 64), (64, 96)):
        x = torch.randn(2, 3, *size, requires_grad=True)
        output = network(x)
        scores = output[:, 4:]
        target, box = 2, scores[:, 2].argmax(1)
        score = scores[torch.arange(2), target, box]
        gradient = torch.autograd.grad(score.sum(), x)[0]
        tensors = {"input": x, "output": output, "box": box, "score": score, "gradient": gradient}
        name = "x".join(str(side) for side in size)
        save_file({key: one.detach().contiguous() for key, one in tensors.items()}, folder / f"{name}.safetensors")
    x = torch.randn(2, 3, 64, 96)
    program = torch.export.export(network, (x,), dynamic_shapes=shapes)
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)
    torch.export.save(program, folder / "detector.pt2")
    axes = {"images": {0: "batch", 2: "height", 3: "width"}, "output0": {0: "batch", 2: "boxes"}}
    names = {"input_names": ["images"], "output_names": ["output0"]}
    torch.onnx.export(network, (x,), folder / "detector.onnx", opset_version=17, dynamo=False, dynamic_axes=axes, **names)


main(Path(sys.argv[1]))
