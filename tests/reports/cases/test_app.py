"""A backend of the app face whose process dies fails in its own rows; one that is spared a picture
is not run on it.
"""

from dataclasses import replace

import numpy as np
import pytest

from blazepalm.converter.threads import one_torch_thread
from blazepalm.errors import ProcessDied
from blazepalm.golden.render import render_scene
from blazepalm.reports.backends.names import COREAI_APP, TFLITE
from blazepalm.reports.cases.compare import Group, compare_case
from blazepalm.reports.cases.inputs import Case
from blazepalm.reports.compare.rows import FAIL
from blazepalm.reports.judge.policy import LIMITS
from blazepalm.reports.judge.totals import Totals
from blazepalm.reports.judge.verdict import judge_model
from blazepalm.reports.stages.stages import Raw
from blazepalm.reports.subjects.open_subject import open_subject
from blazepalm.reports.subjects.subject import Subject
from support.hand_scenes import SCENES
from support.models import shared_model

SENTENCE = "Core AI on app.mlpackage: its process was killed by SIGSEGV"


def dies(images: np.ndarray) -> Raw:
    raise ProcessDied(SENTENCE)


@pytest.fixture(scope="module", name="group")
def _group() -> Group:
    """palm-lite and hand-lite with LiteRT, and an app that dies."""

    def opened(name: str) -> Subject:
        content = shared_model(name).read_bytes()
        subject = open_subject(name, content, workers=1, packages=None, only=(TFLITE,))
        return replace(subject, apps={COREAI_APP: dies})

    return Group(palm=opened("palm-lite-2021-11"), hands=(opened("hand-lite-2022"),))


@pytest.fixture(scope="module", name="case")
def _case() -> Case:
    scene = SCENES["open"]
    return Case("picture", "own", render_scene(scene.hands, **scene.options).image)


def totals_of(group: Group, case: Case) -> Totals:
    totals = Totals(LIMITS)
    with one_torch_thread():
        totals.add([compare_case(group, case)])
    return totals


def test_its_rows_fail_and_say_why(group: Group, case: Case) -> None:
    totals = totals_of(group, case)
    for subject in group.subjects:
        own = [r for r in judge_model(totals, subject, LIMITS) if r.backend == COREAI_APP]
        failed = [row for row in own if row.status == FAIL]
        assert {row.output for row in failed} == set(subject.outputs)
        assert all(f"{SENTENCE} (case picture" in " ".join(row.reasons) for row in failed)


def test_a_spared_picture_is_not_given_to_it(group: Group, case: Case) -> None:
    spared = replace(case, spared=frozenset({COREAI_APP}))
    totals = totals_of(group, spared)
    assert not any(key.backend == COREAI_APP for key in (*totals.differences, *totals.scalars))
    pairs = totals.cases[0].hands
    assert pairs and all(set(found) == {TFLITE} for found in pairs.values())
