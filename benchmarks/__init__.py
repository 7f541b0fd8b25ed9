"""The evidence: one script per claim, run as ``python -m benchmarks.<name>`` from the root of the repository."""
