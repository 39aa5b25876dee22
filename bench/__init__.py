"""The benchmarks behind the tables of the README's Numbers, run by one command: ``python -m bench``."""
