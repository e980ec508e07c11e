"""Slices against numpy's, by value inference and by hand."""

from typing import Any

import numpy as np
import pytest
from coremltools.converters.mil import Builder

X = np.arange(60, dtype=np.float32).reshape(3, 4, 5)


def vector(*values: int) -> np.ndarray:
    return np.array(values, np.int32)


@pytest.mark.parametrize(
    ("begin", "end", "parameters"),
    [
        ((0, 1, 2), (2, 4, 5), {}),
        ((-2, -3, 0), (3, -1, 100), {}),
        ((0, 0, 0), (3, 4, 5), {"stride": vector(2, 3, 2)}),
        ((2, 3, 4), (0, 0, 1), {"stride": vector(-1, -2, -1)}),
        ((9, 1, 9), (9, 9, 9), {"begin_mask": [True, False, True], "end_mask": [True] * 3}),
        (
            (0, 0, 0),
            (0, 0, 0),
            {"stride": vector(-1, 1, -2), "begin_mask": [True] * 3, "end_mask": [True] * 3},
        ),
        ((1, 0, -1), (2, 4, 0), {"squeeze_mask": [True, False, True]}),
    ],
)
def test_slice_by_index(
    check: Any, begin: tuple[int, ...], end: tuple[int, ...], parameters: dict[str, Any]
) -> None:
    check("slice_by_index", {"x": X}, begin=vector(*begin), end=vector(*end), **parameters)


def test_computed_positions(run: Any) -> None:
    (found,) = run(
        lambda x, b, e: Builder.slice_by_index(x=x, begin=b, end=e),
        x=X,
        b=vector(1, -3, 0),
        e=vector(3, 4, 2),
    )
    np.testing.assert_array_equal(found, X[1:3, -3:4, 0:2])


@pytest.mark.parametrize(
    ("begin", "size"), [((0, 1, 2), (2, 2, 3)), ((1, 0, 0), (-1, 4, -1)), ((-2, 0, -1), (1, 1, 1))]
)
def test_slice_by_size(check: Any, begin: tuple[int, ...], size: tuple[int, ...]) -> None:
    check("slice_by_size", {"x": X}, begin=vector(*begin), size=vector(*size))


@pytest.mark.parametrize(
    ("begin", "end", "stride"),
    [((0, 1, 2), (2, 4, 5), (1, 1, 1)), ((2, 0, 0), (0, 4, 5), (-1, 3, 2))],
)
def test_slice_update(
    run: Any, begin: tuple[int, ...], end: tuple[int, ...], stride: tuple[int, ...]
) -> None:
    place = tuple(slice(*b) for b in zip(begin, end, stride, strict=True))
    update = -np.arange(1, X[place].size + 1, dtype=np.float32).reshape(X[place].shape)
    expected = X.copy()
    expected[place] = update
    (found,) = run(
        lambda x, update: Builder.slice_update(
            x=x, update=update, begin=vector(*begin), end=vector(*end), stride=vector(*stride)
        ),
        opset="iOS18",
        x=X,
        update=update,
    )
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("axes", [[0], [1, -1], None])
def test_reverse(check: Any, axes: list[int] | None) -> None:
    extra = {} if axes is None else {"axes": vector(*axes)}
    check("reverse", {"x": X}, **extra)


@pytest.mark.parametrize(("along", "batch"), [(1, 0), (0, 2)])
def test_reverse_sequence(run: Any, along: int, batch: int) -> None:
    lengths = vector(*range(X.shape[batch])) % (X.shape[along] + 1)
    expected = X.copy()
    for place, length in enumerate(lengths):
        at: list[Any] = [slice(None)] * 3
        at[batch] = place
        part = np.moveaxis(expected[tuple(at)], along - (along > batch), 0)
        part[:length] = part[:length][::-1].copy()
    (found,) = run(
        lambda x, n: Builder.reverse_sequence(x=x, lengths=n, seq_axis=along, batch_axis=batch),
        x=X,
        n=lengths,
    )
    np.testing.assert_array_equal(found, expected)


def test_sliding_windows(run: Any) -> None:
    (found,) = run(lambda x: Builder.sliding_windows(x=x, axis=1, size=3, stride=1), x=X)
    assert found.shape == (3, 2, 3, 5)
    np.testing.assert_array_equal(found, np.stack([X[:, 0:3], X[:, 1:4]], 1))
