"""One model to plant faults in, with cached references: each is computed once, so that a fault
costs only its own runs.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from msgspec import structs

from blazepalm.reports.backends.backend import Backend, Outputs
from blazepalm.reports.backends.names import (
    GENERIC,
    MIL,
    ORACLE,
    TFLITE,
    TFLITE_REF,
    TORCH,
)
from blazepalm.reports.backends.registry import spared_backends
from blazepalm.reports.cases.compare import Group, compare_case
from blazepalm.reports.cases.inputs import Case, noise, noise_cases
from blazepalm.reports.compare import rows
from blazepalm.reports.compare.rows import FAIL, Row
from blazepalm.reports.faults.catalogue import Answers, Fault, Planted
from blazepalm.reports.faults.check_package import plant_in_package
from blazepalm.reports.judge.judge import first_divergence
from blazepalm.reports.judge.policy import LIMITS, Limits
from blazepalm.reports.judge.report_parts import FaultOutcome
from blazepalm.reports.judge.totals import Totals
from blazepalm.reports.judge.verdict import judge_model
from blazepalm.reports.layers.compare import compare_layers, programs_of
from blazepalm.reports.layers.join import Joined, join
from blazepalm.reports.layers.truth import LayerTruth
from blazepalm.reports.layers.values import Candidate, planes, trace_subject
from blazepalm.reports.subjects.subject import Subject

NOISE = 2  # seeded inputs per run
FURTHER = 6  # more for a run without a fault: a floor over few numbers is a matter of luck
IMAGES = 2  # images per run, if there are any
LAYER_SEED = 7  # seed of the noise for comparing layers; false alarms use the next ones


@dataclass
class Remembered:
    """A backend that caches its answers by input."""

    backend: Backend
    known: dict[bytes, Outputs] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.backend.name

    def run(self, images: np.ndarray) -> Outputs:
        key = hashlib.sha256(images.tobytes()).digest()
        if key not in self.known:
            self.known[key] = self.backend.run(images)
        return self.known[key]


@dataclass(frozen=True)
class Spoilt:
    """The readable module with a fault, as a backend."""

    candidate: Candidate
    outputs: tuple[str, ...]
    name: str = TORCH

    def run(self, images: np.ndarray) -> Outputs:
        import torch
        from torch.fx import Interpreter

        traced, face = self.candidate
        with torch.no_grad():
            found = Interpreter(face, graph=traced.graph).run(torch.from_numpy(planes(images)))
        return {name: value.numpy() for name, value in zip(self.outputs, found, strict=True)}


class FaultBench:
    """One model with cached references."""

    def __init__(
        self, group: Group, subject: Subject, content: bytes, images: tuple[Case, ...]
    ) -> None:
        self._whole = subject
        kept = (TFLITE, TFLITE_REF, ORACLE, GENERIC, TORCH)
        backends = {name: Remembered(subject.backends[name]) for name in kept}
        self.subject = replace(subject, backends=backends, apps={})
        palm = group.palm
        if palm is not None and palm is not subject:
            palm = replace(palm, backends={TFLITE: Remembered(palm.backends[TFLITE])}, apps={})
        self.palm = palm
        self.images = images
        self.calls = trace_subject(subject)
        program = programs_of(subject).get(MIL)
        self._joined, self._content = join(subject, self.calls, program), content
        self.truth = self._layer_truth(seed=0)

    def _layer_truth(self, seed: int) -> LayerTruth:
        subject = self.subject
        image = noise(subject.input_shape, subject.value_range, LAYER_SEED + seed, 0)
        return LayerTruth(subject, self._joined, self._content, image)

    def judge(
        self, subject: Subject, cases: Iterable[Case], limits: Limits = LIMITS
    ) -> tuple[Row, ...]:
        totals = Totals(limits)
        if subject.family == "palm":
            group = Group(palm=subject)
        else:
            group = Group(palm=self.palm, hands=(subject,), judged=False)
        for case in cases:
            totals.add([compare_case(group, case)])
        return judge_model(totals, subject, limits)

    def cases(self, seed: int = 0) -> list[Case]:
        return [*self.images, *noise_cases(NOISE, seed)]

    def _further(self, seed: int) -> list[Case]:
        cases = list(noise_cases(NOISE + FURTHER, seed))[NOISE:]
        return [replace(case, spared=spared_backends()) for case in cases]

    def false_alarms(self, seeds: int) -> list[str]:
        """Failures and culprits reported though nothing is wrong, over `seeds` seeds."""
        alarms = []
        for seed in range(seeds):
            found = self.judge(self.subject, self.cases(seed) + self._further(seed))
            alarms += [
                f"{self.subject.name}, seed {seed}: {'; '.join(row.reasons)}"
                for row in found
                if row.status == FAIL
            ]
            truth = self.truth if seed == 0 else self._layer_truth(seed)
            culprit = compare_layers(truth, self.calls).culprits[TORCH]
            if culprit is not None:
                alarms.append(f"{self.subject.name}, seed {seed}: {culprit.module} is a culprit")
        return alarms

    def plant(self, fault: Fault) -> FaultOutcome | None:
        planted = fault.plant(self._whole)
        if planted is not None and planted.halves is not None:
            if not self.images:  # float16 is judged on hands
                return None
            return plant_in_package(
                fault.name,
                planted,
                self.subject,
                lambda subject: self.judge(subject, self.cases()),
                self.truth,
                self.calls,
            )
        if planted is None or (planted.stages and not self.images):
            return None
        if planted.misread is not None and not any(case.truth for case in self.images):
            return None
        failed = [r for r in self.judge(self._spoilt(planted), self.cases()) if r.status == FAIL]
        if planted.misread is not None:  # the truth alone must catch it
            failed = [row for row in failed if row.stage == rows.TRUTH]
        stage = first_divergence(failed) or ""
        expected, found = planted.place, stage
        located = stage == planted.place
        if planted.candidate is not None:
            expected, found, located = self._locate(planted, stage)
        worst = max(failed, key=lambda row: row.multiple or 0.0, default=None)
        return FaultOutcome(
            release=self.subject.name,
            fault=fault.name,
            caught=bool(failed),
            located=bool(failed) and located,
            expected=expected,
            found=found or "nothing",
            message="" if worst is None else "; ".join(worst.reasons),
        )

    def hollow(self) -> list[FaultOutcome]:
        """Checks that must fail without any fault in a model: a limit a hundred times tighter, and
        backends that all answer with a constant.
        """
        tight = structs.replace(LIMITS, float32_multiple=LIMITS.float32_multiple / 100)
        constant = replace(
            self.subject,
            backends={n: Answers(b, constant=True) for n, b in self.subject.backends.items()},
        )
        outcomes = []
        for name, failed in (
            (
                "limit tightened a hundredfold",
                [r for r in self.judge(self.subject, self.cases(), tight) if r.status == FAIL],
            ),
            (
                "every backend a constant",
                [r for r in self.judge(constant, self.cases()) if r.status == FAIL],
            ),
        ):
            stage = first_divergence(failed) or ""
            outcomes.append(
                FaultOutcome(
                    release=self.subject.name,
                    fault=name,
                    caught=bool(failed),
                    located=stage == rows.RAW,
                    expected=rows.RAW,
                    found=stage or "nothing",
                    message="; ".join(failed[0].reasons) if failed else "",
                )
            )
        return outcomes

    def _spoilt(self, planted: Planted) -> Subject:
        if planted.misread is not None:
            return planted.misread
        backend: Backend = self.subject.backends[TORCH]
        if planted.candidate is not None:
            backend = Spoilt(planted.candidate, self.subject.outputs)
        if planted.answer is not None:
            backend = planted.answer(backend)
        return replace(
            self.subject,
            backends={**self.subject.backends, TORCH: backend},
            stages={TORCH: planted.stages},
        )

    def _locate(self, planted: Planted, stage: str) -> tuple[str, str, bool]:
        """(expected place, found place, whether they match)."""
        assert planted.candidate is not None
        expected = _layer_of(planted.place, planted.candidate, self.truth.joined)
        layers = compare_layers(self.truth, planted.candidate)
        culprit = layers.culprits[TORCH]
        name = planted.place if expected is None else str(expected.module)
        if culprit is None:
            return name, stage, False
        found = expected is not None and culprit.op == expected.operator
        return name, str(culprit.module), found and stage == rows.RAW


def _layer_of(name: str, candidate: Candidate, joined: Sequence[Joined]) -> Joined | None:
    """The layer of a call: its own, or the next one after it (a fused activation)."""
    layers = {j.node: j for j in joined if j.node is not None}
    node = next((n for n in candidate[0].graph.nodes if n.name == name), None)
    while node is not None and node.name not in layers:
        node = next(iter(node.users), None)
    return None if node is None else layers[node.name]
