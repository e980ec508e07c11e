"""The quick forms of a readable module: made, measured, and one of them chosen."""
