"""A seeded fuzzer of the readers; ``python -m tests.fuzz --help`` runs it by hand."""
