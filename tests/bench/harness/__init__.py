"""What the benchmarks of the repository share: tools and data, programs to measure, statistics, table and plot.

The standard library only. Everything is kept under target/: `bench-tools` (venv, compiled programs), `bench-data`
(inputs) and `bench` (results).
"""
