"""Programs of a few lines that torch.export writes, with what PyTorch computes: the fixture of test/model/import/programs.test.ts.

    pip install torch==2.11.0 safetensors
    python scripts/make-program-fixture.py test/model/import/programs

Every program is one kind of call that an importer can get wrong without an error: operations in place through views, computed
weights, arguments that change a result, casts, orders in memory, decompositions, a fixed batch.
"""

import json
import sys
import warnings
import zipfile
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

warnings.filterwarnings("ignore")
PROGRAMS = {}


def program(shape=(3, 4, 6, 6), **options):
    def register(function):
        PROGRAMS[function.__name__] = (function, shape, options)
        return function

    return register


class Net(nn.Module):
    """A function with the weights that it may use."""

    def __init__(self, function):
        super().__init__()
        torch.manual_seed(0)
        self.function = function
        self.conv = nn.Conv2d(4, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.fc = nn.Linear(8, 5)
        self.scale = nn.Parameter(torch.randn(8))
        self.shift = nn.Parameter(torch.randn(8))
        if "attention" in function.__name__:
            self.table = nn.Parameter(torch.randn(2, 36, 36))
        if "recurrent" in function.__name__:
            self.lstm = nn.LSTM(4, 8, batch_first=True)
        self.token = nn.Parameter(torch.randn(1, 1, 8))
        self.register_buffer("mean", torch.randn(8))
        self.register_buffer("var", torch.rand(8) + 0.5)
        self.norm.running_mean.normal_(0, 0.3)
        self.norm.running_var.uniform_(0.5, 1.5)

    def forward(self, x):
        return self.function(self, x)

    def head(self, y):
        return self.fc(y.mean((2, 3)))


# Operations in place, through views


@program()
def relu_on_a_slice(m, x):
    y = m.conv(x)
    y[:, :4].relu_()
    return m.head(y)


@program()
def product_on_a_chunk(m, x):
    y = m.conv(x)
    first, _ = y.chunk(2, 1)
    first.mul_(2.0)
    return m.head(y)


@program()
def view_taken_before_relu(m, x):
    y = m.conv(x)
    first = y[:, :4]
    y.relu_()
    return m.head(torch.cat([first, y[:, 4:]], 1))


@program()
def views_of_views(m, x):
    y = m.conv(x)
    turned = y.permute(0, 2, 3, 1)
    inner = turned[:, 1:3].transpose(1, 2)
    inner.mul_(3)
    y.add_(1)
    inner[..., ::2].sub_(0.5)
    rows = y.flatten(2)
    rows[:, :, 5].zero_()
    return m.head(torch.cat([y, turned.permute(0, 3, 1, 2) * inner.mean()], 1)[:, 4:12])


@program()
def assignments(m, x):
    y = m.conv(x)
    y[:, 0] = x[:, 1]
    y[:, 1:3] = 0.25
    y[:, 3:5, 2] = y[:, 5:7, 4]
    y[:, ::2] += y[:, 1::2]
    y[:, 7, :, :] = torch.arange(6.0)
    return m.head(y)


@program()
def unbound_and_split(m, x):
    y = m.conv(x)
    y.unbind(1)[3].sigmoid_()
    a, b, c = y.split([2, 3, 3], 1)
    b.neg_()
    c.copy_(a[:, :1])
    torch.tensor_split(y, (1, 5), 1)[1].mul_(0.5)
    return m.head(y)


@program()
def reshape_is_a_view_or_a_copy(m, x):
    y = m.conv(x)
    y.reshape(-1, 8, 36).tanh_()
    y.permute(0, 2, 3, 1).reshape(-1, 36, 8).mul_(100)  # of a copy: y stays
    y.permute(0, 2, 3, 1).contiguous().mul_(100)
    y.contiguous().add_(0.5)
    return m.head(y)


@program()
def nothing_done_is_the_same_tensor(m, x):
    y = m.conv(x)
    F.dropout(y, 0.5, False).relu_()
    y.to(torch.float32).mul_(2)
    y.to(torch.float64).mul_(2)
    y.float().sub_(0.1)
    return m.head(y)


@program()
def axes_in_place(m, x):
    y = m.conv(x)
    z = y[:, :, 0]
    z.transpose_(1, 2)
    z.unsqueeze_(1)
    z.exp_()
    return m.head(y) + z.mean((1, 2))[:, :5]


@program()
def masked_and_filled(m, x):
    y = m.conv(x)
    y.masked_fill_(y < 0, 0.5)
    y[:, 2].fill_(3.0)
    y.diagonal(dim1=2, dim2=3).mul_(-1)
    y.clamp_(max=2)
    return m.head(y)


@program()
def repeated_view_reads_what_is_written(m, x):
    y = m.conv(x).mean((2, 3), keepdim=True)
    wide = y.expand(-1, -1, 6, 6)
    y.relu_()
    return m.head(wide * x[:, :1])


@program()
def the_input_in_place(m, x):
    x[:, 1:].mul_(2)
    return m.head(m.conv(x))


@program(refused="writes through a view")
def write_through_unfold(m, x):
    y = m.conv(x)
    y.unfold(3, 2, 2).mul_(2)
    return m.head(y)


@program(refused="changes 'mean'")
def write_into_a_buffer(m, x):
    m.mean.mul_(2)
    return m.head(m.conv(x) * m.mean[:, None, None])


# Computed weights


@program()
def computed_biases(m, x):
    y = F.conv2d(x, m.conv.weight, m.conv.bias * 3, padding=1)
    y = F.group_norm(F.batch_norm(y, m.mean, m.var, m.scale + 1, m.shift), 4, m.scale, m.shift * 2)
    y = F.layer_norm(y.mean((2, 3)), (8,), m.scale + 1, m.shift)
    return F.linear(y, m.fc.weight, torch.cat([m.shift[:2], m.scale[:3]]))


@program()
def standardised_weights(m, x):
    weight = m.conv.weight
    normal = F.batch_norm(weight.reshape(1, 8, -1), None, None, m.scale, training=True, momentum=0.0, eps=1e-6)
    return m.head(F.conv2d(x, normal.reshape_as(weight), m.conv.bias, padding=1))


@program()
def weights_from_the_input(m, x):
    y = m.conv(x).mean((2, 3))
    mixed = F.linear(y, m.fc.weight, m.fc.bias + y.mean())
    return mixed + F.layer_norm(mixed, (5,), y[0, :5] * 0 + m.scale[:5])


@program()
def attention_with_a_bias(m, x):
    t = m.conv(x).flatten(2).transpose(1, 2).unflatten(2, (2, 4)).transpose(1, 2)
    y = F.scaled_dot_product_attention(t, t, t, attn_mask=m.table.unsqueeze(0), scale=0.7)
    return m.fc(y.transpose(1, 2).flatten(2).mean(1))


@program()
def attention_with_masks(m, x):
    t = m.conv(x).flatten(2).transpose(1, 2).unsqueeze(1)
    some = torch.arange(36)[:, None] >= torch.arange(36)[None] - 7
    y = F.scaled_dot_product_attention(t, t, t, attn_mask=some)
    everything = (torch.arange(36) >= 0)[None, None, :, None].expand(x.shape[0], -1, 36, 36)
    y = F.scaled_dot_product_attention(y, t, t, attn_mask=everything)
    y = F.scaled_dot_product_attention(y, t, t, is_causal=True)
    return m.fc(F.scaled_dot_product_attention(y, y, t, attn_mask=t @ t.transpose(2, 3)).mean((1, 2)))


# Arguments that change a result


@program()
def pools(m, x):
    y = F.avg_pool2d(m.conv(x), 2, divisor_override=1)
    return m.fc((y + F.max_pool2d(m.conv(x), 2, return_indices=True)[0]).mean((2, 3)))


@program()
def sizes_from_factors(m, x):
    y = F.interpolate(m.conv(x)[:, :, :5], scale_factor=1.5, mode="bilinear", align_corners=False)
    z = F.interpolate(m.conv(x)[:, :, :, 1:], scale_factor=(2.5, 1.7), mode="nearest")
    half = F.interpolate(z[:, :, :13], scale_factor=0.5, mode="bilinear", align_corners=False)
    return m.head(y) + m.head(z) + m.head(half)


@program()
def curves(m, x):
    y = m.conv(x)
    y = F.softplus(y * 3, beta=2, threshold=1.0) + F.celu(y, 2.0) - F.selu(y) + F.elu(y, 0.5)
    y = y.add(x[:, :1], alpha=2).sub(1, alpha=3) + torch.rsub(y, 2) + y.div(0.7, rounding_mode="floor")
    return m.head(y.clamp(max=4).clamp_min(-1).clamp(-0.5, 3) + F.gelu(y, approximate="tanh"))


@program()
def casts(m, x):
    y = m.conv(x) * 3
    whole = y.to(torch.int32).float() + y.relu().bool().float() + y.long().type_as(y)
    return m.head(whole + (y > 1) * 0.5 + torch.arange(8)[:, None, None] / 3)


@program()
def numbers_alone(m, x):
    steps = torch.arange(8)
    frequencies = 2 ** (steps * 2.0 / 8) + torch.linspace(-1, 1, 8) + (steps * 1.0).sqrt() + steps // 3
    grid = torch.stack(torch.meshgrid(steps, steps, indexing="ij")).flatten(1).float()
    table = m.scale[(grid[0] - grid[1] + 7).long() % 8].view(8, 8) + F.one_hot(steps.flip(0), 8)
    return m.fc(m.conv(x).mean((2, 3)) @ table + frequencies)


@program()
def norms_of_all_kinds(m, x):
    y = F.instance_norm(m.conv(x), m.mean, m.var, m.scale, m.shift, use_input_stats=False)
    y = y + F.instance_norm(y, None, None, m.scale, m.shift)
    y = F.normalize(y, dim=1) + y / (y.pow(2).mean(1, keepdim=True) + 1e-6).sqrt()
    return m.head(F.rms_norm(y.permute(0, 2, 3, 1), (8,), m.scale).permute(0, 3, 1, 2))


@program()
def moves(m, x):
    y = m.conv(x).roll((1, -2), (2, 3)).movedim(1, -1)
    a, b = y.unflatten(3, (2, 4)).unbind(3)
    z = torch.stack([a, b.flip(1)], 2).swapaxes(1, 2).amax(1)
    z = torch.cat([z, y.max(3, keepdim=True)[0], y.topk(3, 3)[0]], 3)
    return m.head(F.pad(z, (0, 0, 1, 1), mode="circular").permute(0, 3, 1, 2)[:, :, :6].repeat(1, 1, 2, 1))


@program()
def tokens(m, x):
    t = torch.cat([m.token.expand(x.shape[0], -1, -1), m.conv(x).flatten(2).transpose(1, 2)], 1)
    return m.fc(torch.einsum("bij,bkj->bik", t, t).softmax(-1)[:, 0] @ t[0] + t[:, 0])


# Orders, types and formats


@program(prepare=lambda m: m.to(memory_format=torch.channels_last))
def channels_last(m, x):
    return m.head(m.norm(m.conv(x)).relu())


@program(prepare=lambda m: m.half(), dtype=torch.float16)
def half(m, x):
    return m.head(F.layer_norm(m.conv(x).float(), (6, 6)).to(x.dtype))


@program(prepare=lambda m: m.bfloat16(), dtype=torch.bfloat16)
def bfloat(m, x):
    return m.head(m.norm(m.conv(x)) + torch.ones_like(x[:, :1]))


@program(prepare=lambda m: m.double(), dtype=torch.float64)
def double(m, x):
    return m.head(m.norm(m.conv(x)) * torch.full((1,), 0.1, dtype=torch.float64))


@program(bytes=True)
def bytes_of_an_image(m, x):
    return m.head(m.conv(x.float() / 255))


def everyday(m, x):
    y = F.celu(F.selu(m.norm(m.conv(x))), 2.0)
    t = F.layer_norm(F.max_pool2d(y, 2).flatten(2).transpose(1, 2), (8,), m.scale, m.shift)
    heads = t.unflatten(2, (2, 4)).transpose(1, 2)
    t = t + F.scaled_dot_product_attention(heads, heads, heads).transpose(1, 2).flatten(2)
    t = F.softplus(F.group_norm(t.transpose(1, 2), 2), threshold=1.0) + F.adaptive_avg_pool1d(t.transpose(1, 2), 1)
    return m.fc(t.chunk(3, 2)[1].mean(2))


@program()
def as_traced(m, x):
    return everyday(m, x)


@program(decompose=True)
def decomposed(m, x):
    return everyday(m, x)


@program()
def activations_taken_apart(m, x):
    y = m.conv(x)
    quick = y * torch.sigmoid(1.702 * y)
    smooth = 0.5 * quick * (1 + torch.tanh(0.7978845608028654 * (quick + 0.044715 * torch.pow(quick, 3.0))))
    exact = smooth * 0.5 * (1 + torch.erf(smooth / 2**0.5))
    hard = exact * F.relu6(exact + 3) / 6
    return m.head(hard * torch.tanh(F.softplus(hard)))


@program(decompose=True)
def activations_decomposed(m, x):
    return m.head(F.silu(F.hardswish(F.mish(F.hardswish(m.conv(x))))))


@program()
def several_outputs(m, x):
    y = m.conv(x)
    return m.head(y), {"map": y.mean(1), "none": None}


# Exported for one image


@program(batch=1)
def one_image(m, x):
    return everyday(m, x)


@program(batch=1)
def one_image_with_a_token(m, x):
    t = torch.cat([m.token.expand(x.shape[0], -1, -1), m.conv(x).flatten(2).transpose(1, 2)], 1)
    windows = t[:, 1:].reshape(1, 2, 3, 6, 8).permute(0, 2, 1, 3, 4).reshape(3, 12, 8)
    mixed = (windows @ windows.transpose(1, 2)).softmax(-1) @ windows
    mixed = mixed.reshape(1, 3, 2, 6, 8).permute(0, 2, 1, 3, 4).reshape(1, 36, 8)
    return m.fc(mixed.mean(1) + t[:, 0] + x.new_zeros(1, 8))


@program(shape=(4, 4, 6, 6), batch=2)
def two_images(m, x):
    return m.fc(m.conv(x).view(2, 8, 36).permute(2, 0, 1).reshape(36, 2, 8).transpose(0, 1).mean(1))


@program(batch=1)
def images_that_mix(m, x):
    y = m.conv(x)
    return m.head(y + y[:1])


@program(batch=1)
def mean_over_images(m, x):
    y = m.conv(x)
    return m.head(y - y.mean((0, 2, 3), keepdim=True))


@program(shape=(4, 4, 6, 6), batch=2)
def pairs_of_images(m, x):
    y = m.conv(x)
    return m.head(y + y.flip(0))


@program(batch=1, refused="one row per image")
def no_axis_of_images(m, x):
    return m.head(m.conv(x))[0]


@program(shape=(5, 3, 4), refused="recurrent")
def recurrent_layer(m, x):
    return m.fc(m.lstm(x)[0][:, -1])


def slim(path):
    """The exporter notes where every call came from, with paths of this machine."""
    with zipfile.ZipFile(path) as archive:
        entries = [(info, archive.read(info)) for info in archive.infolist() if "sample_inputs" not in info.filename]
    with zipfile.ZipFile(path, "w") as archive:
        for info, data in entries:
            is_graph = info.filename.endswith("models/model.json")
            if is_graph:
                graph = json.loads(data)
                for node in graph["graph_module"]["graph"]["nodes"]:
                    kept = node["metadata"].get("nn_module_stack")
                    node["metadata"] = {"nn_module_stack": kept} if kept else {}
                graph["graph_module"]["module_call_graph"] = []
                data = json.dumps(graph, separators=(",", ":")).encode()
            entry = zipfile.ZipInfo(info.filename, (1980, 1, 1, 0, 0, 0))
            archive.writestr(entry, data, zipfile.ZIP_DEFLATED if is_graph else zipfile.ZIP_STORED)


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    torch.backends.mha.set_fastpath_enabled(False)
    listed = {}
    for name, (function, shape, options) in PROGRAMS.items():
        net = Net(function).eval()
        for parameter in net.parameters():
            parameter.requires_grad_(False)
        net = options.get("prepare", lambda m: m)(net)
        x = torch.randn(shape, generator=torch.Generator().manual_seed(1))
        x = (x.abs() * 60).clamp(max=255).to(torch.uint8) if options.get("bytes") else x.to(options.get("dtype", torch.float32))
        batch = options.get("batch")
        dynamic = None if batch else ({0: torch.export.Dim("batch")},)
        exported = torch.export.export(net, (x[: batch or 2].clone(),), dynamic_shapes=dynamic)
        if options.get("decompose"):
            exported = exported.run_decompositions()
        torch.export.save(exported, folder / f"{name}.pt2")
        slim(folder / f"{name}.pt2")
        if x.dtype in (torch.float16, torch.bfloat16):  # float32 is what their weights are computed with here
            net, x = net.float(), x.float()
        if "refused" not in options:
            with torch.no_grad():
                y = [net(part.clone()) for part in (x.split(batch) if batch else [x])]
            y = torch.cat(y) if batch else y[0]
            y = y[0] if isinstance(y, tuple) else y
            listed[f"{name}.input"], listed[f"{name}.output"] = x.float(), y.float().contiguous()
    save_file(listed, folder / "values.safetensors")


main(Path(sys.argv[1]))
