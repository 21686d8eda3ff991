"""Benchmarks: the time of each step, and ratios against a baseline that is run beside it.

Times vary with the machine and with what else it does; the ratios are what to compare.
"""
