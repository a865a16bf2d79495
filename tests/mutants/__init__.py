"""Planted errors: wrong lines, one at a time, and the tests that must notice each."""
