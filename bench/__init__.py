"""The benchmarks behind every number in the documentation, run by one command: ``python -m bench``."""
