"""Times a peer's explanations beside forward + input gradient in the same process, and tells its peak memory."""
import json
import sys
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


def measure(model, x, run):
    """One explanation after one baseline: numbers, and the map."""
    begun = now()
    baseline(model, x)
    reset_peak()
    between = now()
    found = run(x).cpu()
    milliseconds = (now() - between) * 1000
    return {'ratio': milliseconds / ((between - begun) * 1000), 'milliseconds': milliseconds, 'megabytes': peak_megabytes()}, found


def load(make, folder, threads, device):
    """The network with the weights that ours has, and the input."""
    torch.set_num_threads(int(threads))
    model = make(weights=None).eval()
    for module in model.modules():
        if isinstance(module, torch.nn.ReLU):
            module.inplace = False
    model.load_state_dict(load_file(folder / 'weights.safetensors'), strict=False)
    return model.to(device), torch.tensor(np.load(folder / 'input.npy')).to(device)


def serve(folder, model, x, peers, versions):
    """Answers each line of stdin, 'PEER RULE', with a measurement, and writes the maps at the end. `peers`: by peer and rule a call
    that explains. A rule that a peer cannot compute is answered with its error."""
    maps = {}
    print(json.dumps({'rules': {peer: list(rules) for peer, rules in peers.items()},
                      'versions': {'torch': torch.__version__, **versions}}), flush=True)
    for line in sys.stdin:
        peer, rule = line.split()
        try:
            answer, maps[f'{peer}.{rule}'] = measure(model, x, peers[peer][rule])
        except Exception as error:  # captum refuses networks with modules it has no rule for, or that are used twice
            answer = {'error': str(error)}
        print(json.dumps(answer), flush=True)
    save_file({name: found.contiguous() for name, found in maps.items()}, folder / 'maps.safetensors')
