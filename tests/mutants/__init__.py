"""Planted bugs, each of which the tests have to notice: `make mutants`."""
