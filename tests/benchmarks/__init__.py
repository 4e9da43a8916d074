"""What this package costs, measured beside what people use today: ``python -m tests.benchmarks``."""
