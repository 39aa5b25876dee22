"""Mutation testing: small changes to the code, each of which would hurt somebody, and whether the tests notice them."""
