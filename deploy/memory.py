"""How much memory a function gets, and how large an upload may then be: /tmp is memory in the cloud."""

MEMORIES_MIB = {"512MiB": 512, "1GiB": 1024, "2GiB": 2048, "4GiB": 4096, "8GiB": 8192}

# Resident memory beside the upload: 204 MB at most with an hour of AAC (163 of it imports), one process on Linux; the
# server's own process and some air on top of that.
RESERVED_MIB = 384


def max_bytes(memory: str) -> int:
    """Return the largest upload, in bytes, that fits in memory beside the function itself."""
    return (MEMORIES_MIB[memory] - RESERVED_MIB) * 2**20


def cpus(memory: str) -> int:
    """Return the vCPUs of a 2nd-gen function: one, as the analysis is one thread; from 8 GiB the platform wants two."""
    return 2 if MEMORIES_MIB[memory] > 4096 else 1
