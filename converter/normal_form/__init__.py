"""One graph for every way of writing the same network.

Exporters decompose activations, work in N, C, H, W between transposes, or pad in separate
operators. `normalise` undoes this by small rewrites, each of which keeps every value, so that the
recognition needs to know one form only. The given graph is left unchanged: the operator-by-operator
module and every proof rely on it.
"""

from blazepalm.converter.normal_form import (
    activation,
    bias,
    constants,
    convolution,
    fused,
    image_input,
    linear,
    logistic,
    padding,
    pooling,
    prelu,
    reshape,
    sink,
    transpose,
)
from blazepalm.converter.normal_form.change import Rule, apply
from blazepalm.converter.normal_form.well_formed import is_well_formed
from blazepalm.converter.tflite.graph import Graph

MAX_OPERATORS = 1024  # larger graphs are left alone; the largest known hand model has 316
MAX_CHANGES = 4096  # in total; a real export needs about one per operator

# in the order in which they are tried: rules that enable others come first
REWRITES: tuple[tuple[str, Rule], ...] = (
    ("image input channels last", image_input.channels_last),
    ("constant reordered", constants.reordered),
    ("activation split off", fused.split),
    ("transpose sunk", sink.sink),
    ("transposes merged", transpose.merged),
    ("transpose that moves nothing", transpose.as_reshape),
    ("reshapes merged", reshape.merged),
    ("reshape repeated", reshape.repeated),
    ("reshape that changes nothing", reshape.idle),
    ("reshape by another name", reshape.renamed),
    ("RELU fused", activation.relu),
    ("RELU6 fused", activation.relu6),
    ("activation repeated", activation.repeated),
    ("activation carried", fused.carried),
    ("PRELU fused", prelu.prelu),
    ("slopes of a maximum", prelu.scaled_maximum),
    ("LOGISTIC fused", logistic.logistic),
    ("pads merged", padding.merged),
    ("pad that adds nothing", padding.idle),
    ("pad by another name", padding.renamed),
    ("channels of zeros", padding.concatenated),
    ("padding named", padding.named),
    ("depthwise convolution", convolution.depthwise),
    ("bias joined", bias.joined),
    ("mean of the map", pooling.mean),
    ("means joined", pooling.joined),
    ("mean of the pixels", pooling.of_pixels),
    ("sum divided", pooling.divided),
    ("kept dimensions dropped", pooling.dropped),
    ("linear layer flattened", linear.flattened),
)


def normalise(graph: Graph) -> Graph:
    """The graph's normal form; `rewrites` lists the changes. A graph that no rule fits is returned
    unchanged, and so is a damaged one: the lowering reports what is wrong with it.
    """
    if len(graph.operators) > MAX_OPERATORS or not is_well_formed(graph):
        return graph
    try:
        return _fixed_point(graph)
    except (IndexError, ValueError):  # operands with missing or wrong axes
        return graph


def _fixed_point(graph: Graph) -> Graph:
    limit = len(graph.rewrites) + MAX_CHANGES
    before = None
    while before is not graph:
        before = graph
        for name, rule in REWRITES:
            graph = _everywhere(graph, name, rule, limit)
    return graph


def channels_last(graph: Graph) -> Graph:
    """The graph with only one rewrite: an image input of N, C, H, W becomes N, H, W, C."""
    name, rule = REWRITES[0]
    return _everywhere(graph, name, rule, MAX_CHANGES) if is_well_formed(graph) else graph


def _everywhere(graph: Graph, name: str, rule: Rule, limit: int) -> Graph:
    """Applies `rule` to each operator once, in execution order."""
    for op in graph.operators:
        now = graph.producer(op.outputs[0]) if op.outputs else None
        if now is None or now.index != op.index or len(graph.rewrites) >= limit:
            continue
        change = rule(graph, now)
        if change is not None:
            graph = apply(graph, name, now, change) or graph
    return graph
