"""Reads the results of `lrp-native explain --format npy` or `npz`. Needs only Python's standard library.

usage: read_results.py FOLDER
"""

import array
import ast
import io
import json
import os
import struct
import sys
import zipfile

CODES = {"f4": "f", "i4": "i"}


def read_npy(file):
    """Returns (shape, flat array) of a .npy file of float32 or int32, or (shape, list) of strings."""
    if file.read(6) != b"\x93NUMPY":
        raise ValueError("not a .npy file")
    wide = file.read(2)[0] >= 2
    (length,) = struct.unpack("<I" if wide else "<H", file.read(4 if wide else 2))
    header = ast.literal_eval(file.read(length).decode("latin1"))
    kind, shape = header["descr"][1:], header["shape"]
    if kind[0] == "U":
        size = 4 * int(kind[1:])
        texts = [file.read(size).decode("utf-32-le").rstrip("\0") for _ in range(shape[0])]
        return shape, texts
    values = array.array(CODES[kind])
    values.frombytes(file.read())
    if sys.byteorder == "big":
        values.byteswap()
    return shape, values


def read_folder(folder):
    """Returns the arrays of a folder by name, from explanation.npz or else from its .npy files."""
    archive = os.path.join(folder, "explanation.npz")
    if os.path.exists(archive):
        with zipfile.ZipFile(archive) as zipped:
            names = [name for name in zipped.namelist() if name.endswith(".npy")]
            return {name[:-4]: read_npy(io.BytesIO(zipped.read(name))) for name in names}
    arrays = {}
    for name in os.listdir(folder):
        if name.endswith(".npy"):
            with open(os.path.join(folder, name), "rb") as file:
                arrays[name[:-4]] = read_npy(file)
    return arrays


def strongest_pixel(relevance, image, shape):
    """Returns (row, column) of the largest magnitude of one map [channels, height, width], summed over channels."""
    channels, height, width = shape[-3:]
    plane = height * width
    start = image * channels * plane
    sums = [sum(relevance[start + c * plane + i] for c in range(channels)) for i in range(plane)]
    best = max(range(plane), key=lambda i: abs(sums[i]))
    return divmod(best, width)


def main(folder):
    arrays = read_folder(folder)
    with open(os.path.join(folder, "explain.json"), encoding="utf8") as file:
        images = json.load(file)["images"]
    shape, relevance = arrays["relevance"]
    for number, image in enumerate(images):
        row, column = strongest_pixel(relevance, number, shape)
        confidence = f", confidence {image['confidence']:.3f}" if "confidence" in image else ""
        print(f"{image['name']}: class {image['target'][0]}{confidence}, strongest pixel at row {row}, column {column}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python read_results.py FOLDER, a folder that `lrp-native explain --format npy` has written")
    main(sys.argv[1])
