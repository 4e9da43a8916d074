"""What takes how long, on this machine. Each module runs by itself: ``python -m tests.benchmarks.replica_latency``."""
