"""Converts scikit-learn's copy of the UCI optical digits to data/digits (run once; the result is in the tree).

    pip install scikit-learn && python scripts/convert-digits.py

Writes six gzipped idx files. Grey level v of 0 to 16 becomes the byte round(v * 255 / 16). The split is stratified by
digit and fixed: of each digit's images, in the order of a seeded shuffle, 70 % train, 10 % validate, 20 % test.
"""
import gzip
import random
from pathlib import Path

from sklearn.datasets import load_digits

OUT = Path(__file__).parent.parent / 'data' / 'digits'


def write_idx(path, shape, values):
    header = bytes([0, 0, 8, len(shape)]) + b''.join(n.to_bytes(4, 'big') for n in shape)
    with open(path, 'wb') as file, gzip.GzipFile(fileobj=file, mode='wb', mtime=0) as packed:
        packed.write(header + bytes(values))


def split(labels):
    shuffled = random.Random(0)
    parts = {'train': [], 'valid': [], 'test': []}
    for digit in range(10):
        indices = [i for i, label in enumerate(labels) if label == digit]
        shuffled.shuffle(indices)
        train, valid = round(len(indices) * 0.7), round(len(indices) * 0.8)
        parts['train'] += indices[:train]
        parts['valid'] += indices[train:valid]
        parts['test'] += indices[valid:]
    for indices in parts.values():
        shuffled.shuffle(indices)
    return parts


def main():
    digits = load_digits()
    OUT.mkdir(parents=True, exist_ok=True)
    for name, indices in split(digits.target).items():
        pixels = [round(v * 255 / 16) for i in indices for v in digits.data[i]]
        write_idx(OUT / f'{name}-images-idx3-ubyte.gz', (len(indices), 8, 8), pixels)
        write_idx(OUT / f'{name}-labels-idx1-ubyte.gz', (len(indices),), [int(digits.target[i]) for i in indices])
        print(name, len(indices))


if __name__ == '__main__':
    main()
