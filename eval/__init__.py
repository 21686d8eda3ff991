"""How good the answers are: cases, metrics, runs, reports, benchmarks, and what is fitted on data."""
