"""The tables of `inspect` and `run`."""

from blazepalm.cli.tables import bar, beside, plain_table, times


def test_bars_are_in_proportion() -> None:
    assert bar(1.0) == "█" * 16
    assert bar(0.5) == "█" * 8
    assert bar(1 / 128) == bar(0.0001) == "▏"


def test_shapes() -> None:
    assert times((1, None, 3)) == "1×?×3"
    assert times(()) == "scalar"


def test_tables_stand_beside_each_other_where_there_is_room() -> None:
    tables = [plain_table("a"), plain_table("b")]
    assert beside(tables, 80) == [tables[0], "", tables[1]]
    assert len(beside(tables, 100)) == 1
