"""The benchmarks behind the tables of docs/numbers.md, run by one command: ``python -m bench``."""
