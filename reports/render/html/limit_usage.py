"""The colour of a share of a limit."""

LEVELS = (0.01, 0.1, 0.5, 1.0, 10.0)  # shares at which the colour of a cell changes


def level(used: float | None) -> int | None:
    """The colour level of a share: 0 (negligible) to 5 (far beyond the limit)."""
    return None if used is None else sum(used > bound for bound in LEVELS)
