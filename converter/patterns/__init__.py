"""The shapes of operators that the hand models are made of, matched one at a time.

A `Walk` holds what has been claimed so far. A pattern that does not fit where it was tried
returns None and claims nothing; one that fits, but in a form the readable modules cannot
express, raises Mismatch, and the graph goes to the generic module.
"""
