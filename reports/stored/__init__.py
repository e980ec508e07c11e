"""Reports on disk: read, judged again, compared."""
