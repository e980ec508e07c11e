"""What a JUnit file may hold, as the schema `junit-10` of Jenkins' xUnit plugin says, typed from it
(https://github.com/jenkinsci/xunit-plugin, types/model/xsd/junit-10.xsd; pytest's own tests use it,
too), with two rules more: older schemas want a suite's properties first, and counts that are right.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple
from xml.etree.ElementTree import Element


class Rule(NamedTuple):
    """Attributes that an element must and may have, its children, and whether it holds text."""

    must: str
    may: str
    inside: str
    text: bool = False


RESULT = Rule("", "type message", "", text=True)
RULES = {
    "testsuites": Rule("", "name time tests failures errors", "testsuite"),
    "testsuite": Rule(
        "name tests failures errors",
        "group time skipped timestamp hostname id package file log url",
        "testsuite properties testcase system-out system-err",
    ),
    "properties": Rule("", "", "property"),
    "property": Rule("name value", "", ""),
    "testcase": Rule(
        "name",
        "time classname group",
        "skipped error failure rerunFailure rerunError flakyFailure flakyError system-out "
        "system-err",
    ),
    "failure": RESULT,
    "error": RESULT,
    "skipped": RESULT,
    "system-out": Rule("", "", "", text=True),
    "system-err": Rule("", "", "", text=True),
}
TIME = re.compile(r"(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]*)?")
COUNTED = {"tests": "testcase", "failures": "failure", "errors": "error", "skipped": "skipped"}


def broken_rules(root: Element) -> list[str]:
    """What of a file breaks a rule."""
    if root.tag != "testsuites":
        return [f"the root is {root.tag}"]
    return [said for element in root.iter() for said in _broken(element)]


def _broken(element: Element) -> Iterator[str]:
    tag = element.tag
    if tag not in RULES:
        yield f"unknown element {tag}"
        return
    rule = RULES[tag]
    must, may = rule.must.split(), rule.may.split()
    yield from (f"{tag} without {name}" for name in must if name not in element.attrib)
    yield from (f"{tag} with {name}" for name in element.attrib if name not in must + may)
    children = [child.tag for child in element]
    yield from (f"{child} in {tag}" for child in children if child not in rule.inside.split())
    if "properties" in children[1:]:
        yield f"{tag}: properties after {children[0]}"
    texts = [element.text, *(child.tail for child in element)]
    if not rule.text and any(text and text.strip() for text in texts):
        yield f"text in {tag}"
    if tag.startswith("testsuite"):
        if not TIME.fullmatch(element.get("time", "")):
            yield f"{tag}: time {element.get('time')}"
        for name, what in COUNTED.items():
            if name in element.attrib and int(element.attrib[name]) != len([*element.iter(what)]):
                yield f"{tag}: {name} {element.attrib[name]}"
