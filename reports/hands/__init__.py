"""Hands in pictures and videos: found, labelled and drawn."""
