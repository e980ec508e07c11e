"""The table of executors: complete, and every entry tested."""

import re
from pathlib import Path

import pytest
from coremltools.converters.mil.mil.ops.registry import SSAOpRegistry

from blazepalm.reports.backends.mil.call import Call
from blazepalm.reports.backends.mil.executors import executes
from blazepalm.reports.backends.mil.kernel import Kernel
from blazepalm.reports.backends.mil.ops import EXECUTORS

# What MIL has and nothing here executes. Not in the models of vision: recurrent networks, lists
# and loops, states, chance. `const` computes nothing, `conv_quantized` is experimental.
LACKING = {
    *("const", "_const_symbolic", "cond", "while_loop", "conv_quantized"),
    *("gru", "lstm", "rnn", "read_state"),
    *("list_gather", "list_length", "list_read", "list_scatter", "list_write", "make_list"),
    "non_maximum_suppression",
    *("random_bernoulli", "random_categorical", "random_normal", "random_uniform"),
}


def test_a_name_is_registered_once() -> None:
    def other(call: Call) -> Kernel:
        return Kernel()

    with pytest.raises(ValueError, match="conv is executed twice"):
        executes("conv")(other)


def test_every_operation_of_coremltools_is_executed_or_listed_as_lacking() -> None:
    theirs = set(SSAOpRegistry.core_ops)
    assert len(theirs) > 150
    assert theirs - set(EXECUTORS) == LACKING
    assert set(EXECUTORS) - theirs == set()


def test_every_operation_is_named_in_a_test() -> None:
    folder = Path(__file__).parent / "ops"
    text = "".join(p.read_text(encoding="utf-8") for p in folder.glob("test_*.py"))
    named = set(re.findall(r"\w+", text))
    assert set(EXECUTORS) - named == set()
