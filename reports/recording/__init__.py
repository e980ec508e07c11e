"""Compares hands with recorded ones: MediaPipe's, and those of an earlier run."""
