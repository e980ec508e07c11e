"""The quickest form of `blazepalm.fast` that is torch alone."""

from fast_form import serve_form

serve_form("frozen")
