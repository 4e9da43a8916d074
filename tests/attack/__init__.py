"""Hostile requests beside valid ones: ``python -m tests.attack --requests 100000``."""
