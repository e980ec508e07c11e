"""Evaluates a file that computes in integers as it computes: TFLite's quantised arithmetic, on the
stored integers, operator by operator.
"""
