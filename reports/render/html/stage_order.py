"""Rows in the order of the way from pixels to hands, each stage isolated before in cascade."""

from collections.abc import Sequence

from blazepalm.reports.compare.rows import CASCADE, CROP, RAW, STAGES, Row


def stage_positions(rows: Sequence[Row]) -> list[int]:
    """Of each row, its stage's place on its model's way; an unknown stage comes last. A network
    comes after what it is fed, a landmark model's after the landmark tensor.
    """
    cropped = {row.model for row in rows if row.stage == CROP}

    def place(row: Row) -> int:
        stage: str = row.stage
        if stage == RAW and row.model in cropped:
            step = STAGES.index(CROP) + 1
        else:
            step = STAGES.index(stage) if stage in STAGES else len(STAGES)
        return 2 * step + int(row.mode == CASCADE)

    return [place(row) for row in rows]
