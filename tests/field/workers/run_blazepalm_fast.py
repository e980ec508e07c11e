"""The form that `blazepalm.fast` chooses for one image, and for a batch."""

from fast_form import serve_form

serve_form()
