"""Damages every kind of file that blazepalm reads, and tells apart what becomes of it.

    make fuzz [N=1000] [READER=tflite-structure] [SEED=0]

`graphs` and the readers' corpora are sound files, `mutations` damage them, `readers` read them,
`outcomes` runs them in a child process with limits. The same seed gives the same mutants.
"""
