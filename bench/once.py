"""Runs one method over some files, in this fresh process, and prints one line of JSON with what that took.

The clock starts after the imports and before the first analysis: nothing is warmed up. Memory is the peak since then,
above what was resident after the imports. CPU time includes child processes, memory does not.
"""

import json
import resource
import sys
from time import perf_counter, process_time

from bench import methods, peer_methods, process

LOADERS = methods.LOADERS | peer_methods.LOADERS


def main(method: str, *paths: str) -> None:
    """Analyse the files and print."""
    analyze = LOADERS[method]()
    baseline = process.begin_peak()
    cpu_before, started = _cpu_seconds(), perf_counter()
    features = [analyze(path) for path in paths]
    wall, cpu = perf_counter() - started, _cpu_seconds() - cpu_before
    measured = {
        "wall_s": wall,
        "cpu_s": cpu,
        "memory_mb": process.peak() - baseline,
        "imports_mb": baseline,
        "blas_threads": _blas_threads(),
        "lengths": [length for length, _ in features],
        "means": [means for _, means in features],
    }
    print(json.dumps(measured))


def _cpu_seconds() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return process_time() + children.ru_utime + children.ru_stime


def _blas_threads() -> int:
    from threadpoolctl import threadpool_info

    return max((pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"), default=1)


if __name__ == "__main__":
    main(*sys.argv[1:])
