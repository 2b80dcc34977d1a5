"""Writes test/data/images: small image files of many kinds, and what PIL makes of them (expected.json).

Run with Python, PIL and NumPy: python scripts/make-image-fixture.py
"""

import base64
import json
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms

FOLDER = Path(__file__).parent.parent / "test" / "data" / "images"
FOLDER.mkdir(parents=True, exist_ok=True)
random = np.random.RandomState(7)

# smooth colours with some noise, 13 x 17
y, x = np.mgrid[0:13, 0:17]
smooth = np.stack([y * 19, x * 15, 255 - (x + y) * 8], axis=-1)
colours = np.clip(smooth + random.randint(-25, 25, smooth.shape), 0, 255).astype(np.uint8)
picture = Image.fromarray(colours)


def profile(kind: str) -> bytes:
    """An sRGB profile whose red and green primaries are swapped: whoever applies it gets other colours."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile(kind)).tobytes())
    red, green = data.index(b"rXYZ"), data.index(b"gXYZ")
    data[red : red + 4], data[green : green + 4] = b"gXYZ", b"rXYZ"
    return bytes(data)


def save(image: Image.Image, name: str, **options) -> str:
    image.save(FOLDER / name, **options)
    return name


upright = picture.getexif()
upright[274] = 6
alpha = Image.fromarray(np.dstack([colours, random.randint(0, 255, (13, 17), dtype=np.uint8)]))
inks = Image.fromarray(random.randint(0, 255, (13, 17, 4), dtype=np.uint8), "CMYK")

names = [
    save(Image.fromarray(np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8)), "primaries.png"),
    save(picture, "colours.png"),
    save(picture, "photo.jpg", quality=85),
    save(picture, "photo.jfif", quality=85, format="JPEG"),
    save(picture, "profile.png", icc_profile=profile("sRGB")),
    save(picture, "profile.jpg", icc_profile=profile("sRGB"), quality=90),
    save(inks, "inks.jpg", quality=95),
    save(inks, "inks.tif"),
    save(picture, "turned.jpg", exif=upright),
    save(picture.convert("L"), "grey.png"),
    save(picture.convert("L"), "grey.jpg"),
    save(picture.convert("L").convert("LA"), "grey-alpha.png"),
    save(alpha, "alpha.png"),
    save(picture.quantize(9), "palette.png"),
    save(picture, "colours.gif"),
    save(picture, "colours.webp", lossless=True),
    save(picture, "colours.tif"),
    save(picture, "colours.ppm"),
    save(picture.convert("L"), "grey.pgm"),
    save(picture.convert("1"), "bits.pbm"),
    save(picture, "colours.bmp"),
    save(picture.convert("L"), "grey.bmp"),
    save(picture.quantize(9), "palette.bmp"),
    save(picture.convert("1"), "bits.bmp"),
    save(alpha, "alpha.bmp"),
]


def values(image: Image.Image) -> str:
    """Bytes, channels first."""
    array = np.atleast_3d(np.array(image))
    return base64.b64encode(np.ascontiguousarray(array.transpose(2, 0, 1))).decode()


expected = {"files": {}, "resized": [], "parts": []}
for name in names:
    with Image.open(FOLDER / name) as image:
        colours_of, grey_of = image.convert("RGB"), image.convert("L")
        expected["files"][name] = {"size": [image.height, image.width], "rgb": values(colours_of), "l": values(grey_of)}

for interpolation in ["nearest", "bilinear", "bicubic"]:
    for size in [(5, 7), (24, 9), (13, 30), (40, 50)]:
        resized = picture.resize(size[::-1], Image.Resampling[interpolation.upper()])
        expected["resized"].append({"interpolation": interpolation, "size": size, "rgb": values(resized)})

# a part of a much larger image
for interpolation in ["nearest", "bilinear", "bicubic"]:
    for size, (top, left, height, width) in [((89, 112), (40, 50, 9, 12)), ((10, 9), (3, 2, 4, 5))]:
        resized = picture.resize(size[::-1], Image.Resampling[interpolation.upper()])
        part = resized.crop((left, top, left + width, top + height))
        of = {"interpolation": interpolation, "size": size, "crop": [height, width], "rgb": values(part)}
        expected["parts"].append(of)

# numbers that are no colours: refused, or scaled where the preprocessing says so
Image.fromarray(np.linspace(0, 1, 221, dtype=np.float32).reshape(13, 17)).save(FOLDER / "float.tif")
Image.fromarray((y * 900).astype(np.int32)).save(FOLDER / "int32.tif")
Image.fromarray((y * 300 + x).astype(np.uint16)).save(FOLDER / "twelve-bits.png")
Image.fromarray((y * 5000 + x).astype(np.uint16)).save(FOLDER / "sixteen-bits.png")

(FOLDER / "expected.json").write_text(json.dumps(expected, separators=(",", ":")) + "\n")
