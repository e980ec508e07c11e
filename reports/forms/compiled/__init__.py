"""Our own compiled kernels as a form: built once, then run over a list of steps."""
