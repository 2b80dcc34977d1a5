"""Attention rollout and Chefer's method on the tiny vision transformer, for test/explain/attention.json.

    python scripts/make-attention-fixture.py ../shared/golden/attention/vit_tiny > test/explain/attention.json

Needs torch and torchvision (2.11.0 and 0.26.0 were used). The formulas are those of the papers, in float64:
rollout (Abnar and Zuidema 2020): R = prod (I + mean_h A) / 2; Chefer, Gur and Wolf 2021 (ICCV): R <- R + E_h((dA * A)+) R.
"""
import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file
from torchvision.models import vision_transformer

folder = Path(sys.argv[1])
model = vision_transformer.VisionTransformer(image_size=16, patch_size=4, num_layers=2, num_heads=4, hidden_dim=32,
                                             mlp_dim=64, num_classes=10)
model.load_state_dict(load_file(folder / 'weights.safetensors'))
model = model.double().eval()
tensors = load_file(folder / 'tensors.safetensors')
x, logits, target = tensors['input'].double(), tensors['logits'], tensors['target'].long()


def attend(m, x, kept):
    """nn.MultiheadAttention, its weights kept."""
    heads = lambda t: t.unflatten(-1, (m.num_heads, m.head_dim)).transpose(1, 2)
    q, k, v = (heads(t) for t in torch.nn.functional.linear(x, m.in_proj_weight, m.in_proj_bias).chunk(3, -1))
    weights = (q @ k.transpose(-1, -2) * m.head_dim ** -0.5).softmax(-1)
    kept.append(weights)
    return m.out_proj((weights @ v).transpose(1, 2).flatten(2))


def forward(x):
    kept = []
    h = model.conv_proj(x).flatten(2).transpose(1, 2)
    h = torch.cat([model.class_token.expand(len(x), -1, -1), h], 1) + model.encoder.pos_embedding
    for block in model.encoder.layers:
        h = h + attend(block.self_attention, block.ln_1(h), kept)
        h = h + block.mlp(block.ln_2(h))
    return model.heads(model.encoder.ln(h)[:, 0]), kept


out, A = forward(x)
assert torch.allclose(out.float(), logits, atol=1e-5)
identity = torch.eye(A[0].shape[-1]).double()


def rollout():
    R = identity
    for weights in A:
        R = (identity + weights.mean(1)) / 2 @ R
    return R


def chefer(chosen):
    gradients = torch.autograd.grad(out.gather(1, chosen[:, None]).sum(), A, retain_graph=True)
    R = identity
    for weights, gradient in zip(A, gradients):
        R = R + (gradient * weights).relu().mean(1) @ R
    return R


def first_row(R):
    return R[:, 0].detach().flatten().tolist()


other = (target + 3) % 10
json.dump({'other': other.tolist(), 'rollout': first_row(rollout()), 'chefer': first_row(chefer(target)),
           'chefer.other': first_row(chefer(other))}, sys.stdout)
