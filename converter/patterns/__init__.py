"""The operator patterns that the hand models consist of, matched one at a time.

A `Walk` records what has been claimed so far. A pattern that does not match returns None and claims
nothing; one that matches, but in a form that the readable modules cannot express, raises Mismatch,
and the graph falls back to the generic module.
"""
