#!/usr/bin/env python3
"""Whether Tenon learns what PyTorch learns: from the same parameters and data, the losses of the first steps of each workload.

PyTorch makes parameters and data in f32, writes them to a safetensors file in target/bench, and trains in f64; `steps --losses` starts from that
file and trains in f32. Not in f32 on both sides: rounding errors grow from step to step, in PyTorch's f32 beyond the bound here on convnet.
Prints one line per workload and exits with 1 if a loss differs by more than 1e-4 of it.
"""

import json
import struct
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parent / "peers"))
import run

STEPS = 10
TOLERANCE = 1e-4


def write_safetensors(path, tensors):
    header, offset, blobs = {}, 0, []
    for name, array in tensors.items():
        blob = array.tobytes()
        kind = {"float32": "F32", "int32": "I32"}[str(array.dtype)]
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [offset, offset + len(blob)]}
        offset += len(blob)
        blobs.append(blob)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def main():
    if not run.PYTHON.exists():
        sys.exit("losses: the peers are not installed; benches/peers/setup.sh installs them")
    if Path(sys.executable).resolve() != run.PYTHON.resolve() or sys.prefix == sys.base_prefix:
        sys.exit(subprocess.run([str(run.PYTHON), __file__, *sys.argv[1:]]).returncode)
    names = sys.argv[1:]
    sys.argv = sys.argv[:1]
    import peer_torch
    import torch
    import workloads

    torch.set_num_threads(1)
    steps = run.bench_target("steps")
    worst = 0.0
    for workload in workloads.WORKLOADS:
        if names and workload.name not in names:
            continue
        torch.manual_seed(0)
        model = peer_torch.MODELS[type(workload.model)](workload.model).train()
        inputs, targets = peer_torch.data(workload.inputs), peer_torch.data(workload.targets)
        tensors = {name: tensor.numpy() for name, tensor in model.state_dict().items() if tensor.is_floating_point()}
        as_array = lambda tensor: (tensor if tensor.is_floating_point() else tensor.int()).numpy()
        file = run.RESULTS.parent / f"{workload.name}.safetensors"
        file.parent.mkdir(parents=True, exist_ok=True)
        write_safetensors(file, {**tensors, "inputs": as_array(inputs), "targets": as_array(targets)})
        model, inputs = model.double(), inputs.double() if inputs.is_floating_point() else inputs
        targets = targets.double() if targets.is_floating_point() else targets
        update, loss = peer_torch.optimizer(workload.optimizer, model.parameters()), peer_torch.LOSSES[workload.loss]
        theirs = []
        for _ in range(STEPS):
            update.zero_grad(set_to_none=True)
            value = loss(model(inputs), targets)
            value.backward()
            update.step()
            theirs.append(value.item())
        command = [steps, "--workload", workload.name, "--losses", str(file), "--steps", str(STEPS)]
        ours = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)["losses"]
        difference = max(abs(a - b) / abs(b) for a, b in zip(ours, theirs))
        worst = max(worst, difference)
        print(f"{workload.name:10} torch in f64 {theirs[0]:.6f} .. {theirs[-1]:.6f}, tenon in f32 {ours[0]:.6f} .. {ours[-1]:.6f}, off by {difference:.1e} at most")
    if worst > TOLERANCE:
        sys.exit(f"losses: off by {worst:.1e}, more than {TOLERANCE}")


if __name__ == "__main__":
    main()
