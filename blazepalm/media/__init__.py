"""The user's pictures and videos, decoded the same way everywhere."""
