"""The examples in the docstrings print what they say."""

import doctest
from importlib import import_module
from pkgutil import walk_packages

import pytest

import analysis
from analysis.features import FEATURES

MODULES = ["analysis", *(module.name for module in walk_packages(analysis.__path__, "analysis."))]


@pytest.mark.parametrize("name", MODULES)
def test_examples_are_true(name: str) -> None:
    """Every example of a module gives what stands below it."""
    failed, _ = doctest.testmod(import_module(name))

    assert failed == 0


@pytest.mark.parametrize("name", sorted({"analysis.features.spectra", *(make.__module__ for make in FEATURES)}))
def test_signal_modules_have_examples(name: str) -> None:
    """A module that computes something of a signal shows how."""
    assert doctest.testmod(import_module(name)).attempted > 0
