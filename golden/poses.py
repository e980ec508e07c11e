"""A table of named hand poses, in degrees (see `skeleton.Finger` and `skeleton.Thumb`)."""

from blazepalm.golden.skeleton import Finger, Pose, Thumb

POSES: dict[str, Pose] = {
    "open": Pose(
        Thumb(38, 18, 0, 8, 4),
        Finger(7, 4, 6, 4),
        Finger(1, 4, 6, 4),
        Finger(-5, 5, 7, 4),
        Finger(-12, 6, 8, 5),
    ),
    "fist": Pose(
        Thumb(35, 48, 56, 39, 58),
        Finger(0, 76, 102, 58),
        Finger(0, 80, 104, 58),
        Finger(0, 82, 103, 56),
        Finger(0, 82, 93, 52),
    ),
    "point": Pose(
        Thumb(23, 59, 59, 42, 49),
        Finger(2, 4, 6, 3),
        Finger(0, 80, 104, 58),
        Finger(0, 82, 104, 56),
        Finger(0, 82, 93, 52),
    ),
    "pinch": Pose(
        Thumb(16, 42, 47, 15, 5),
        Finger(-1, 51, 40, 22),
        Finger(0, 26, 28, 16),
        Finger(-3, 18, 22, 12),
        Finger(-8, 12, 18, 10),
    ),
    "victory": Pose(
        Thumb(2, 58, 51, 41, 48),
        Finger(9, 2, 5, 3),
        Finger(-8, 2, 5, 3),
        Finger(0, 80, 103, 56),
        Finger(0, 80, 94, 52),
    ),
    "thumb": Pose(
        Thumb(58, -2, -10, -8, -12),
        Finger(0, 74, 102, 58),
        Finger(0, 78, 104, 58),
        Finger(0, 80, 103, 56),
        Finger(0, 80, 94, 52),
    ),
    "cup": Pose(
        Thumb(34, 40, 25, 16, 22),
        Finger(2, 32, 36, 22),
        Finger(0, 34, 38, 24),
        Finger(-2, 36, 38, 24),
        Finger(-6, 38, 36, 22),
    ),
    "spread": Pose(
        Thumb(50, 26, 0, 10, 6),
        Finger(16, 28, 26, 14),
        Finger(5, 32, 28, 14),
        Finger(-8, 32, 28, 14),
        Finger(-19, 30, 26, 12),
    ),
}
