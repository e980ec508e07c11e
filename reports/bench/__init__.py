"""`blazepalm bench run`: measures speed as ratios within one run.

Each module has a `run(rounds)` that returns `Findings`.
"""
