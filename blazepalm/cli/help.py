"""What `--help` shows beside a command's own text: an example of each command, and flags without
the type that newer versions of typer print beside them. `-h` is short for `--help`. Paragraphs are
broken for the terminal's width, not where the docstring's lines end.
"""

import inspect
import re
from typing import Any

LINE_BREAK = re.compile(r"(?<!\n)\n(?!\n)")  # inside a paragraph

# command → a line to type
EXAMPLES = {
    "releases": "blazepalm releases",
    "releases fetch": "blazepalm releases fetch hand-2020-11",
    "inspect": "blazepalm inspect hand_landmarker.task",
    "convert": "blazepalm convert palm-full -o palm-full",
    "export": "blazepalm export tuned -o exported --onnx",
    "verify": "blazepalm verify palm-full",
    "anchors": "blazepalm anchors palm-full -o anchors.npy",
    "golden": "",
    "golden make": "blazepalm golden make -o golden --images my-pictures",
    "golden record": "blazepalm golden record golden",
    "golden check": "blazepalm golden check golden --backend tflite",
    "golden export-ios": "blazepalm golden export-ios -o Fixtures",
    "golden photos": "blazepalm golden photos",
    "golden photos fetch": "blazepalm golden photos fetch",
    "parity": "blazepalm parity palm-full hand-full -o report",
    "report": "",
    "report diff": "blazepalm report diff before after",
    "report recheck": "blazepalm report recheck report --landmarks-max-px 0.3",
    "report render": "blazepalm report render report --markdown parity.md",
    "report schema": "blazepalm report schema",
    "run": "blazepalm run HandLandmarks.mlpackage --image hand.jpg",
    "detect": "blazepalm detect photo.jpg --draw drawn.png",
    "bench": "",
    "bench run": "blazepalm bench run",
    "bench forms": "blazepalm bench forms palm-full hand-full",
    "bench precision": "blazepalm bench precision hand-full photos",
    "bench growth": "blazepalm bench growth --pictures 1 --pictures 100",
    "bench ingest": "blazepalm bench ingest results.json",
    "ios": "",
    "ios ingest": "blazepalm ios ingest results.json",
    "doctor": "blazepalm doctor",
}


def improve_help(command: Any, path: str = "") -> None:
    """Adds the examples and `-h` to a click command and all those below it, and joins the lines of
    each paragraph of their texts.
    """
    command.help = LINE_BREAK.sub(" ", inspect.cleandoc(command.help or "")) or None
    command.context_settings["help_option_names"] = ["-h", "--help"]
    if example := EXAMPLES.get(path):
        command.epilog = f"Example: {example}"
    context = command.make_context(path or "blazepalm", [], resilient_parsing=True)
    for parameter in (*command.params, command.get_help_option(context)):
        if getattr(parameter, "is_flag", False):
            parameter.metavar = ""
    for name, below in getattr(command, "commands", {}).items():
        improve_help(below, f"{path} {name}".strip())
