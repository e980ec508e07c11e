"""The form of `blazepalm.fast` that is our own kernels."""

from fast_form import serve_form

serve_form("compiled")
