"""Speed, as ratios measured in one run: `blazepalm bench run`.

Each module has a `run(rounds)` that gives `Findings`.
"""
