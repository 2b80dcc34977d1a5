"""Times a peer's explanations beside forward + input gradient in the same process, and tells its peak memory."""
import json
import statistics
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file


def baseline(model, x):
    x = x.clone().requires_grad_(True)
    return torch.autograd.grad(model(x)[:, 0].sum(), x)[0]


def reset_peak():
    """Linux: the peak of resident memory starts anew."""
    Path('/proc/self/clear_refs').write_text('5')


def peak_megabytes():
    line = next(line for line in Path('/proc/self/status').read_text().splitlines() if line.startswith('VmHWM'))
    return int(line.split()[1]) / 1024


def now():
    """A clock that waits for the GPU where there is one."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def measure(model, x, run, repeat):
    ratios, times, peaks = [], [], []
    for i in range(repeat + 1):
        begun = now()
        baseline(model, x)
        reset_peak()
        between = now()
        found = run(x).cpu()
        if i > 0:  # the first round warms up
            times.append((now() - between) * 1000)
            ratios.append(times[-1] / ((between - begun) * 1000))
        peaks.append(peak_megabytes())
    return (statistics.median(ratios), statistics.median(times), statistics.median(peaks)), found


def load(make, folder, threads, device):
    """The network with the weights that ours has, and the input."""
    torch.set_num_threads(int(threads))
    model = make(weights=None).eval()
    for module in model.modules():
        if isinstance(module, torch.nn.ReLU):
            module.inplace = False
    model.load_state_dict(load_file(folder / 'weights.safetensors'), strict=False)
    return model.to(device), torch.tensor(np.load(folder / 'input.npy')).to(device)


def report(folder, found, plain, versions):
    """Writes the maps and prints the rest. `found`: by peer and rule what `measure` returns; `plain`: a call of the baseline."""
    save_file({f'{peer}.{rule}': map.contiguous() for peer, rules in found.items() for rule, (_, map) in rules.items()},
              folder / 'maps.safetensors')
    ratios, milliseconds, memory = ({peer: {rule: numbers[i] for rule, (numbers, _) in rules.items()} for peer, rules in found.items()} for i in range(3))
    begun = time.perf_counter()
    plain()
    took = (time.perf_counter() - begun) * 1000
    print(json.dumps({'baseline': took, 'ratios': ratios, 'milliseconds': milliseconds, 'memory': memory,
                      'versions': {'torch': torch.__version__, **versions}}))
