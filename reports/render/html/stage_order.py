"""Sorts rows by pipeline stage, from pixels to hands, each stage isolated before in cascade."""

from collections.abc import Sequence

from blazepalm.reports.compare.rows import CASCADE, CROP, RAW, STAGES, Row


def stage_positions(rows: Sequence[Row]) -> list[int]:
    """Each row's stage by its position in its model's pipeline; unknown stages come last. A network
    comes after its input, a landmark model's outputs after the landmark tensor.
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
