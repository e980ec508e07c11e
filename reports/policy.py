"""What counts as parity: every constant of the verdict in one table, the reason beside it.

The limits are multiples of the *noise floor*: what float32 arithmetic itself costs on the
same graph and inputs, measured in the same run (`reports.verdict`), not tolerances chosen
by hand.
"""

# A float32 backend may be this many floors from the oracle, and from LiteRT. Two float32
# runs that add in another order differ by about one floor (seen on the known releases, 50
# inputs each: up to 1.5), while a wrong padding, weight or activation costs 10³ and more.
FLOAT32_MULTIPLE = 10.0

# LiteRT itself may be this many times as far from the oracle as torch in float32 is. The
# floor measures rounding only while oracle and LiteRT mean the same graph; were the lowering
# wrong, LiteRT would be far from the oracle, the floor high, and everything would pass under
# it. Seen on the known releases: up to 8, for an output of one number.
FLOOR_MULTIPLE = 100.0

# Inputs of the full claim, and the least number that shows anything: with one input, a
# module that answers with a constant cannot be told from one that works.
INPUTS = 50
LEAST_INPUTS = 2

# The seed of the claim in the README; any other must pass too.
SEED = 0

# Inputs worked on at once, at most; each has backends and activations of its own in memory.
MOST_WORKERS = 8
