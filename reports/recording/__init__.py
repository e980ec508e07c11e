"""Recorded outputs as cases: MediaPipe's, and those of an earlier run."""
