"""A phone's results: read, counted again, judged like any backend's."""
