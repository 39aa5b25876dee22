"""The benchmarks behind every number in the README, run by one command: ``python -m bench``."""
