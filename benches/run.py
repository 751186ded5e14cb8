#!/usr/bin/env python3
"""Tenon beside other libraries and beside the matmul floor, in one run on one machine: `make bench`.

Everyone takes turns on each workload, several rounds, so that a machine that is slower for a while is slower for all. With one thread
everyone is bound to one and the same CPU. Prints a table and writes target/bench/results.json, a list of
{workload, threads, who, us_median, us_min}: medians are the median over the rounds, least times the least of all.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
if not TARGET.is_absolute():
    TARGET = ROOT / TARGET
RESULTS = ROOT / "target" / "bench" / "results.json"
PYTHON = ROOT / "target" / "bench" / "venv" / "bin" / "python"
PEERS = {
    "torch-eager": ["peer_torch.py"],
    "torch-compile": ["peer_torch.py", "--compile"],
    "jax": ["peer_jax.py"],
}
OURS, FLOOR = "tenon", "floor"
DEFAULT_WORKLOADS = "policy,mnist_mlp,lenet,convnet,lstm,gpt,wide,field"


def main():
    options = arguments()
    # The floor is another library's work: built apart, with none of the options that keep this one small (.cargo/config.toml).
    floor = lambda: bench_target("floor", RUSTFLAGS="", CARGO_TARGET_DIR=str(TARGET / "floor"))
    commands = {FLOOR: [floor()]} if options.threads == 1 else {}
    commands[OURS] = [bench_target("steps")]
    for peer in options.peers:
        commands[peer] = [str(PYTHON), str(ROOT / "benches" / "peers" / PEERS[peer][0]), *PEERS[peer][1:]]

    measured = defaultdict(list)
    for workload in options.workloads:
        for turn in range(options.rounds):
            for who, command in commands.items():
                print(f"\r\033[K{workload}: round {turn + 1} of {options.rounds}, {who}", end="", file=sys.stderr, flush=True)
                measured[workload, who].append(measure(command, workload, options))
    print("\r\033[K", end="", file=sys.stderr)

    results = [
        {
            "workload": workload,
            "threads": options.threads,
            "who": who,
            "us_median": statistics.median(line["us_median"] for line in lines),
            "us_min": min(line["us_min"] for line in lines),
        }
        for (workload, who), lines in measured.items()
    ]
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    print_table(results, list(commands), options)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--workloads", default=DEFAULT_WORKLOADS, help=f"names with commas between them (default {DEFAULT_WORKLOADS})")
    parser.add_argument("--peers", default=",".join(PEERS), help=f"likewise, may be empty (default {','.join(PEERS)})")
    parser.add_argument("--threads", type=int, default=1, help="threads for everyone (default 1; the floor is there only for 1)")
    parser.add_argument("--rounds", type=int, default=3, help="turns that everyone takes on each workload (default 3)")
    parser.add_argument("--seconds", type=float, default=1.0, help="length of one turn after warming up (default 1)")
    options = parser.parse_args()
    options.workloads = [name for name in options.workloads.split(",") if name]
    options.peers = [name for name in options.peers.split(",") if name]
    for name in options.peers:
        if name not in PEERS:
            parser.error(f"no peer is called {name}; there are {', '.join(PEERS)}")
    if options.peers and not PYTHON.exists():
        parser.error("the peers are not installed; benches/peers/setup.sh installs them, --peers '' does without")
    if not 1 <= options.threads <= len(os.sched_getaffinity(0)):
        parser.error(f"--threads must lie between 1 and {len(os.sched_getaffinity(0))}")
    return options


def bench_target(name, **environment):
    """Builds a bench target of this crate and tells where its program is. BENCH_PROFILE=quick builds sooner, for work on the kernels."""
    profile = os.environ.get("BENCH_PROFILE", "bench")
    command = ["cargo", "bench", "--no-run", "--bench", name, "--profile", profile, "--message-format=json-render-diagnostics"]
    build = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env={**os.environ, **environment})
    if build.returncode != 0:
        sys.exit(f"bench: the bench target '{name}' (benches/{name}.rs) is missing or does not build; cargo's message is above")
    for line in build.stdout.splitlines():
        message = json.loads(line)
        if message.get("reason") == "compiler-artifact" and message["target"]["name"] == name and message.get("executable"):
            return message["executable"]
    sys.exit(f"bench: cargo built the bench target '{name}' but named no program")


def measure(command, workload, options):
    """One turn: the JSON line that a runner prints for one workload."""
    command = [*command, "--workload", workload, "--threads", str(options.threads), "--seconds", str(options.seconds)]
    if shutil.which("taskset"):
        cpus = sorted(os.sched_getaffinity(0))[: options.threads]
        command = ["taskset", "-c", ",".join(map(str, cpus)), *command]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    lines = [line for line in run.stdout.splitlines() if line.startswith("{")]
    if run.returncode != 0 or len(lines) != 1:
        sys.exit(f"\nbench: {' '.join(command)}\nexited with {run.returncode} and printed {len(lines)} results:\n{run.stdout}{run.stderr}")
    line = json.loads(lines[0])
    if (line["workload"], line["threads"]) != (workload, options.threads):
        sys.exit(f"\nbench: {' '.join(command)}\nprinted a result for something else: {lines[0]}")
    return line


def print_table(results, everyone, options):
    """Median times in microseconds, and ours as a ratio: to the floor (how far from perfect), to each peer (below 1: faster)."""
    median = {(line["workload"], line["who"]): line["us_median"] for line in results}
    ratios = [who for who in everyone if who != OURS]
    heads = ["workload", *(f"{who} us" for who in everyone), *(f"{OURS}/{who}" for who in ratios)]
    rows = [
        [
            workload,
            *(f"{median[workload, who]:,.1f}" for who in everyone),
            *(f"{median[workload, OURS] / median[workload, who]:.2f}" for who in ratios),
        ]
        for workload in options.workloads
    ]
    widths = [max(len(row[i]) for row in [heads, *rows]) for i in range(len(heads))]
    for row in [heads, *rows]:
        print("  ".join(cell.ljust(width) if i == 0 else cell.rjust(width) for i, (cell, width) in enumerate(zip(row, widths))))
    print(f"\nmedian time of one training step, {options.threads} thread(s); written to {RESULTS.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
