"""`blazepalm bench forms`: every form of a model's readable module beside LiteRT on the file.

LiteRT, the plain module and the forms take turns in each round, so that other load on the machine
affects all; ratios are medians of the rounds' ratios. LiteRT takes the images of a batch one after
the other, since the files are made for one. A process has one number of threads; with one, the
times are the processor's.
"""

import json
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from operator import truediv
from typing import TYPE_CHECKING, Any

from blazepalm.errors import CouldNotVerify, InvalidModel

if TYPE_CHECKING:
    from rich.table import Table

LITERT = "litert"
BATCHES, THREADS, ROUNDS = (1, 32), (1, 2), 7
# ms per image; of the ratio the median, and between its quartiles half of the rounds
HEADINGS = ("model", "threads", "batch", "form", "ms", "× LiteRT", "floors")


@dataclass(frozen=True)
class FormRow:
    """One form, with one batch and number of threads. `seconds` per image and `ratio` to LiteRT's
    are medians over the rounds, `low` and `high` the ratio's quartiles; `floors`: its largest error
    (None for LiteRT).
    """

    model: str
    threads: int
    batch: int
    form: str
    seconds: float
    ratio: float
    low: float
    high: float
    floors: float | None

    def cells(self) -> tuple[str, ...]:
        floors = "–" if self.floors is None else f"{self.floors:.2f}"
        ratio = f"{self.ratio:.2f} ({self.low:.2f}–{self.high:.2f})"
        numbers = str(self.threads), str(self.batch)
        return (self.model, *numbers, self.form, f"{1e3 * self.seconds:.1f}", ratio, floors)


@dataclass(frozen=True)
class FormTable:
    """`unavailable`: why a form was not measured."""

    rows: tuple[FormRow, ...]
    unavailable: tuple[str, ...]


def bench_forms(
    models: Sequence[str],
    batches: Sequence[int] = BATCHES,
    threads: Sequence[int] = THREADS,
    rounds: int = ROUNDS,
) -> FormTable:
    """The forms of releases or files. Raises UnknownRelease, InvalidModel or CouldNotVerify."""
    rows: list[FormRow] = []
    unavailable: dict[str, None] = {}
    for model in models:
        for count in threads:
            if len(threads) == 1:
                found = measured_here(model, batches, count, rounds)
            else:
                found = _measured_in_a_child(model, batches, count, rounds)
            rows += found.rows
            unavailable |= dict.fromkeys(found.unavailable)
    return FormTable(tuple(rows), tuple(unavailable))


def measured_here(model: str, batches: Sequence[int], threads: int, rounds: int) -> FormTable:
    """All forms with this number of threads, in this process."""
    import torch

    from blazepalm.converter.convert import module_of
    from blazepalm.reports.forms.fast import all_forms, check_module
    from blazepalm.reports.forms.measure import IMAGES, errors, in_turns, seeded_images
    from blazepalm.reports.hands.open_models import open_model

    torch.set_num_threads(threads)
    converted = module_of(model)
    module: Any = converted.module
    try:
        check_module(module)
    except TypeError as error:
        raise InvalidModel(f"{model}: is no palm detector and no landmark model") from error
    family = "palm" if hasattr(module, "anchors") else "hand"
    litert = open_model(converted, family, "tflite", threads=threads)
    forms, unavailable = all_forms(module, threads)
    images = seeded_images(module.spec, max(IMAGES, *batches))
    floors = errors(module, forms, torch.from_numpy(images[:IMAGES]))
    rows: list[FormRow] = []
    with torch.no_grad():
        for batch in batches:
            given = torch.from_numpy(images[:batch])
            maps = given.permute(0, 2, 3, 1).contiguous().numpy()
            actions: dict[str, Any] = {LITERT: lambda maps=maps: litert.run(maps)}
            for name, forward in forms.items():
                actions[name] = lambda forward=forward, given=given: forward(given)
            seconds = in_turns(actions, rounds, batch, threads)
            for name, times in seconds.items():
                ratios = [truediv(*pair) for pair in zip(times, seconds[LITERT], strict=True)]
                low, middle, high = _quartiles(ratios)
                each = statistics.median(times) / batch
                rows.append(
                    FormRow(
                        model=converted.name,
                        threads=threads,
                        batch=batch,
                        form=name,
                        seconds=each,
                        ratio=middle,
                        low=low,
                        high=high,
                        floors=floors.get(name),
                    )
                )
    return FormTable(tuple(rows), tuple(unavailable))


def _measured_in_a_child(
    model: str, batches: Sequence[int], threads: int, rounds: int
) -> FormTable:
    command = [sys.executable, "-m", "blazepalm", "bench", "forms", model, "--json"]
    command += ["--threads", str(threads), "--rounds", str(rounds)]
    for batch in batches:
        command += ["--batch", str(batch)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise CouldNotVerify(last.removeprefix("error: "))
    values = json.loads(done.stdout)
    return FormTable(tuple(FormRow(**row) for row in values["forms"]), tuple(values["unavailable"]))


def _quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    if len(values) == 1:
        return (values[0],) * 3
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high


def values_of(table: FormTable) -> dict[str, Any]:
    """For `--json`."""
    return {"forms": [asdict(row) for row in table.rows], "unavailable": table.unavailable}


def markdown(table: FormTable) -> str:
    """The table in Markdown."""
    lines = [HEADINGS, ("---",) * len(HEADINGS), *(row.cells() for row in table.rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def shown(table: FormTable) -> "Table":
    from rich import box
    from rich.table import Table

    drawn = Table(box=box.SIMPLE, pad_edge=False)
    for heading in HEADINGS:
        drawn.add_column(heading, justify="left" if heading in ("model", "form") else "right")
    for row in table.rows:
        drawn.add_row(*row.cells())
    return drawn
