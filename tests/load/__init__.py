"""Long work in one process, scaled: does its memory or do its file descriptors grow, does it keep
giving the same answers?

    make load [LOAD=conversions] [SCALE=0.1]

`loads` is the work, `measure` runs each in a process of its own and prints the table.
"""
