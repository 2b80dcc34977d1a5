"""Writes test/model/published: tiny networks of Hugging Face and timm with random weights as these publish them, their
logits for one input, and what their own preprocessing makes of an image (expected.json).

Run with Python, torch, transformers, timm and PIL: python scripts/make-published-fixture.py
"""

import json
import shutil
from pathlib import Path

import timm
import torch
import transformers as hf
from PIL import Image
from timm.data import create_transform, resolve_data_config
from timm.models import RegNet, save_for_hf
from timm.models.efficientnet import _gen_efficientnet
from timm.models.mobilenetv3 import _gen_mobilenet_v3
from timm.models.regnet import RegNetCfg

FOLDER = Path(__file__).parent.parent / "test" / "model" / "published"
PHOTO = Path(__file__).parent.parent / "test" / "data" / "images" / "colours.png"
shutil.rmtree(FOLDER, ignore_errors=True)
FOLDER.mkdir(parents=True)
expected = {"networks": {}, "preprocessing": []}


def randomised(model: torch.nn.Module) -> torch.nn.Module:
    """Weights large enough that every part of the network counts."""
    torch.manual_seed(3)
    with torch.no_grad():
        for name, value in [*model.named_parameters(), *model.named_buffers()]:
            if not value.is_floating_point() or name.endswith("attn_mask"):
                continue
            if name.endswith("running_var"):
                value.uniform_(0.5, 2)
            else:
                value.normal_(0.6 if value.ndim == 1 and "norm" in name and name.endswith("weight") else 0, 0.4)
    return model.eval()


def record(name: str, model: torch.nn.Module, size: int) -> None:
    image = ((torch.arange(2 * 3 * size * size) * 37 + 11) % 101 / 101).reshape(2, 3, size, size)
    with torch.no_grad():
        output = model.get_image_features(image) if isinstance(model, hf.CLIPModel) else model(image)
    if isinstance(output, torch.Tensor):
        logits = output
    else:
        logits = next(output[key] for key in ["logits", "image_embeds", "pooler_output"] if key in output)
    expected["networks"][name] = {"size": size, "logits": logits.flatten().tolist()}


def hugging_face(name: str, model: hf.PreTrainedModel, size: int, processor=None) -> None:
    randomised(model).save_pretrained(FOLDER / name)
    if processor is not None:
        processor.save_pretrained(FOLDER / name)
    record(name, model, size)


small = dict(hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=12, image_size=8, patch_size=4)
pets = {"id2label": {0: "cat", 1: "dog", 2: "horse"}, "label2id": {"cat": 0, "dog": 1, "horse": 2}}
hugging_face("hf-vit", hf.ViTForImageClassification(hf.ViTConfig(**small, **pets)), 8, hf.ViTImageProcessor(size={"height": 8, "width": 8}))
hugging_face("hf-deit", hf.DeiTForImageClassification(hf.DeiTConfig(**small, num_labels=3)), 8)
hugging_face("hf-deit-teacher", hf.DeiTForImageClassificationWithTeacher(hf.DeiTConfig(**small, hidden_act="gelu_new", num_labels=3)), 8)
sizes = hf.ConvNextImageProcessor(size={"shortest_edge": 32}, crop_pct=0.875)
for kind in ["bottleneck", "basic"]:
    config = hf.ResNetConfig(embedding_size=4, hidden_sizes=[8, 16], depths=[1, 2], layer_type=kind, num_labels=3)
    hugging_face(f"hf-resnet-{kind}", hf.ResNetForImageClassification(config), 32, sizes)
config = hf.ConvNextConfig(hidden_sizes=[4, 8], depths=[1, 2], num_stages=2, num_labels=3, image_size=32)
hugging_face("hf-convnext", hf.ConvNextForImageClassification(config), 32, sizes)
config = hf.ConvNextV2Config(hidden_sizes=[4, 8], depths=[1, 2], num_stages=2, num_labels=3, image_size=32)
hugging_face("hf-convnextv2", hf.ConvNextV2ForImageClassification(config), 32, sizes)
for kind in ["x", "y"]:
    config = hf.RegNetConfig(embedding_size=4, hidden_sizes=[8, 16], depths=[1, 2], groups_width=4, layer_type=kind, num_labels=3)
    hugging_face(f"hf-regnet-{kind}", hf.RegNetForImageClassification(config), 32, sizes)
sides = {"height": 32, "width": 32}
config = hf.MobileNetV2Config(depth_multiplier=0.1, depth_divisible_by=4, min_depth=4, finegrained_output=False, image_size=32, num_labels=3)
processor = hf.MobileNetV2ImageProcessor(size={"shortest_edge": 36}, crop_size=sides)
hugging_face("hf-mobilenetv2", hf.MobileNetV2ForImageClassification(config), 32, processor)
small_conv = dict(in_channels=[32, 16, 24], out_channels=[16, 24, 40], kernel_sizes=[3, 5, 3], strides=[1, 2, 2], num_block_repeats=[1, 2, 1])
config = hf.EfficientNetConfig(**small_conv, expand_ratios=[1, 6, 2], depthwise_padding=[1], width_coefficient=0.1, depth_coefficient=1.1, hidden_dim=128, image_size=33, num_labels=3)
processor = hf.EfficientNetImageProcessor(size={"height": 33, "width": 33})
hugging_face("hf-efficientnet", hf.EfficientNetForImageClassification(config), 33, processor)
for name, how in {
    "relative": dict(use_relative_position_bias=True),
    "shared": dict(use_shared_relative_position_bias=True, use_absolute_position_embeddings=True, use_mean_pooling=False, layer_scale_init_value=0.0),
}.items():
    hugging_face(f"hf-beit-{name}", hf.BeitForImageClassification(hf.BeitConfig(**small, **how, num_labels=3)), 8)
for name, how in {"mlp": {}, "swiglu": dict(use_swiglu_ffn=True)}.items():
    config = hf.Dinov2Config(**{**small, "mlp_ratio": 3}, **how, num_labels=3)
    processor = hf.BitImageProcessor(size={"shortest_edge": 9}, crop_size={"height": 8, "width": 8})
    hugging_face(f"hf-dinov2-{name}", hf.Dinov2ForImageClassification(config), 8, processor)
processor = hf.BitImageProcessor(size={"shortest_edge": 13}, crop_size={"height": 12, "width": 12})
config = hf.Dinov2Config(**{**small, "mlp_ratio": 3}, num_labels=3)
hugging_face("hf-dinov2-larger", hf.Dinov2ForImageClassification(config), 12, processor)
config = hf.SwinConfig(embed_dim=4, depths=[2, 2], num_heads=[2, 2], image_size=36, patch_size=4, window_size=4, mlp_ratio=2, num_labels=3)
hugging_face("hf-swin-filled", hf.SwinForImageClassification(config), 36, hf.ViTImageProcessor(size={"height": 36, "width": 36}))
config = hf.SwinConfig(embed_dim=4, depths=[2, 2], num_heads=[2, 2], image_size=32, patch_size=4, window_size=4, mlp_ratio=2, num_labels=3)
hugging_face("hf-swin", hf.SwinForImageClassification(config), 32, hf.ViTImageProcessor(size=sides))
config = hf.SegformerConfig(hidden_sizes=[4, 4, 8, 8], depths=[1, 1, 2, 1], num_attention_heads=[1, 2, 2, 4], mlp_ratios=[2, 2, 2, 2], num_labels=3)
hugging_face("hf-segformer", hf.SegformerForImageClassification(config), 64, hf.SegformerImageProcessor(size={"height": 64, "width": 64}))
text = dict(hidden_size=4, num_hidden_layers=1, num_attention_heads=1, intermediate_size=4, vocab_size=8, projection_dim=6)
config = hf.CLIPConfig(vision_config=dict(**small, projection_dim=6), text_config=text, projection_dim=6, num_labels=3)
hugging_face("hf-clip-classes", hf.CLIPForImageClassification(config), 8)
hugging_face("hf-clip-projection", hf.CLIPVisionModelWithProjection(config.vision_config), 8)
hugging_face("hf-clip-vision", hf.CLIPVisionModel(config.vision_config), 8)
hugging_face("hf-clip", hf.CLIPModel(config), 8)
config = hf.SiglipConfig(vision_config=small, text_config=text, num_labels=3)
hugging_face("hf-siglip-classes", hf.SiglipForImageClassification(config), 8)
hugging_face("hf-siglip-vision", hf.SiglipVisionModel(config.vision_config), 8)


def of_timm(name: str, architecture: str, size: int, **arguments) -> None:
    save_timm(name, timm.create_model(architecture, pretrained=False, num_classes=3, **arguments), size, arguments)


def save_timm(name: str, model: torch.nn.Module, size: int, arguments: dict, architecture: str | None = None) -> None:
    randomised(model)
    if architecture is not None:
        model.pretrained_cfg = {**timm.get_pretrained_cfg(architecture).to_dict(), "architecture": architecture}
        model.num_classes = 3
    model.pretrained_cfg["input_size"] = (3, size, size)
    save_for_hf(model, FOLDER / name, model_args=arguments, safe_serialization=True)
    record(name, model, size)


of_timm("timm-vit", "vit_tiny_patch16_224", 32, img_size=32, embed_dim=8, depth=2, num_heads=2)
of_timm("timm-deit", "deit_tiny_distilled_patch16_224", 32, img_size=32, embed_dim=8, depth=1, num_heads=2)
of_timm("timm-swin", "swin_tiny_patch4_window7_224", 32, img_size=32, window_size=4, embed_dim=4, depths=(2, 2), num_heads=(2, 2))
narrow = dict(channel_multiplier=0.1, num_classes=3)
for name, how in {"efficientnet_b0": {}, "tf_efficientnet_b0": dict(pad_type="same", bn_eps=1e-3)}.items():
    save_timm(f"timm-{name}", _gen_efficientnet(name, depth_multiplier=0.4, **narrow, **how), 32, {}, name)
for name in ["mobilenetv3_small_100", "mobilenetv3_large_100"]:
    save_timm(f"timm-{name}", _gen_mobilenet_v3(name, **{**narrow, "channel_multiplier": 0.05}), 32, {}, name)
for name, ratio in {"regnety_002": 0.25, "regnetx_002": 0.0}.items():
    shape = RegNetCfg(w0=8, wa=8.0, wm=1.8, group_size=8, depth=5, se_ratio=ratio)
    save_timm(f"timm-{name}", RegNet(shape, num_classes=3), 32, {}, name)
of_timm("timm-convnext", "convnext_tiny", 32, depths=(1, 1, 1, 1), dims=(4, 8, 8, 8))
of_timm("timm-convnext-atto", "convnext_atto", 32, depths=(1, 1, 1, 1), dims=(4, 8, 8, 8))
for folder in FOLDER.iterdir():
    for name in ["pytorch_model.bin", "README.md"]:
        (folder / name).unlink(missing_ok=True)

# preprocessing: a photo as the libraries' own transforms see it
photo = Image.open(PHOTO).convert("RGB")
processors = [
    hf.ViTImageProcessor(size={"height": 10, "width": 8}, resample=2),
    hf.ViTImageProcessor(size={"height": 10, "width": 8}, resample=3, do_normalize=False),
    hf.DeiTImageProcessor(size={"height": 12, "width": 12}, crop_size={"height": 8, "width": 8}),
    hf.BitImageProcessor(size={"shortest_edge": 11}, crop_size={"height": 8, "width": 8}, resample=3),
    hf.CLIPImageProcessor(size={"shortest_edge": 8}, crop_size={"height": 8, "width": 8}),
    hf.ConvNextImageProcessor(size={"shortest_edge": 8}, crop_pct=0.7),
    hf.SiglipImageProcessor(size={"height": 9, "width": 9}),
    hf.MobileNetV2ImageProcessor(size={"shortest_edge": 12}, crop_size={"height": 8, "width": 8}),
    hf.EfficientNetImageProcessor(size={"height": 9, "width": 9}, resample=3, include_top=True),
    hf.EfficientNetImageProcessor(size={"height": 9, "width": 9}, resample=2, rescale_offset=True, rescale_factor=1 / 127.5, include_top=False),
    hf.BeitImageProcessor(size={"height": 9, "width": 9}, do_center_crop=False),
]
for processor in processors:
    values = processor(photo, return_tensors="pt")["pixel_values"][0]
    entry = {"file": json.loads(processor.to_json_string()), "shape": list(values.shape), "values": values.flatten().tolist()}
    expected["preprocessing"].append(entry)
for settings in [
    dict(interpolation="bicubic", crop_pct=0.9, crop_mode="center"),
    dict(interpolation="bilinear", crop_pct=0.7, crop_mode="squash"),
    dict(interpolation="bicubic", crop_pct=0.6, crop_mode="center"),
]:
    config = dict(input_size=(3, 8, 8), mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), **settings)
    values = create_transform(**resolve_data_config(config))(photo)
    entry = {"file": {"architecture": "any", "pretrained_cfg": config}, "shape": list(values.shape), "values": values.flatten().tolist()}
    expected["preprocessing"].append(entry)


def rounded(value):
    if isinstance(value, float):
        return float(f"{value:.7g}")
    if isinstance(value, list):
        return [rounded(one) for one in value]
    return {key: rounded(one) for key, one in value.items()} if isinstance(value, dict) else value


(FOLDER / "expected.json").write_text(json.dumps(rounded(expected), separators=(",", ":")) + "\n")
