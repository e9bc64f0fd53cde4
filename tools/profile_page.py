"""The page of the BPMN profile, out of the conformance models and the refusals of the tests.

What stands in the table of elements is carried out by the models named there; what is refused, by
the code that the import gave. `tests/house/test_cli_reference.py` compares the page, and
`tests/unit/workflows/test_profile_page.py` that no element of the profile lacks its model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

from lxml import etree

from tests.integration.engine.test_resume import MODELS
from tests.support.refusals import REFUSED
from workflows import whitelist
from workflows.errors import DefinitionRefused, Finding
from workflows.importing import import_procedure

B = f"{{{whitelist.MODEL}}}"
MOST_SHOWN = 3
RUNS: Mapping[str, str] = {
    "userTask": "a person's step, exactly one `bw:step`",
    "manualTask": "the same",
    "serviceTask": "an automatic step, exactly one `bw:step`, unsigned or `automatic_confirmed`",
    "businessRuleTask": "an automatic calculation by its `bw:decision` table, policy `unique`,"
    " `first`, `any` or `collect`",
    "sendTask": "sends its message inside the run and goes on",
    "receiveTask": "waits for its message; may have boundary events",
    "callActivity": "runs another process of the file as a level of its own",
    "subProcess": "runs as a level of its own, at the ISA-88 level of what it is drawn in",
    "repeating, several at once": "`multiInstanceLoopCharacteristics` on steps, message tasks,"
    " calls, levels",
    "repeating, one after the other": "the same with `isSequential`",
    "repeating, until complete": "the same with `completionCondition`",
    "repeating, loop": "`standardLoopCharacteristics`: goes on while true",
    "subProcess, begun by an event": "an event subprocess, see its starts",
    "exclusiveGateway": "the first flow whose condition is true, else the default; or a merge",
    "parallelGateway": "splits, or waits for every flow",
    "inclusiveGateway": "every flow whose condition is true, else the default; or waits for all"
    " that may still come",
    "eventBasedGateway": "goes on behind the first of its events that happens",
    "sequenceFlow, condition behind a gateway": "asked in document order",
    "sequenceFlow, condition behind a task": "every true one is taken, and every one without; the"
    " default when none is true",
    "sequenceFlow, leading back": "`bw:rounds`; one more round than allowed holds the run",
    "lane": "`bw:lane` gives the steps in it their role",
    "startEvent, none": "one for each process",
    "startEvent, message": "a process that nothing calls: begun by each message, beside the entry"
    " process",
    "startEvent, signal": "begun in the same way, by each signal",
    "startEvent, conditional": "begun in the same way, each time the condition becomes true",
    "startEvent, timer date": "begun in the same way, while the record is under way",
    "startEvent, timer duration": "begun in the same way, counted from the start of the record",
    "startEvent, timer cycle": "begun in the same way, each time anew",
    "event subprocess, message": "takes the place of all that runs in its level",
    "event subprocess, signal": "takes the place of all that runs in its level",
    "event subprocess, escalation": "takes the place of all that runs in its level",
    "event subprocess, error": "interrupts always",
    "event subprocess, timer date": "takes the place of all that runs in its level",
    "event subprocess, timer duration": "takes the place of all that runs in its level",
    "event subprocess, conditional": "takes the place of all that runs in its level",
    "event subprocess, message, beside": "runs beside, each time anew",
    "event subprocess, signal, beside": "runs beside, each time anew",
    "event subprocess, escalation, beside": "runs beside, each time anew",
    "event subprocess, timer date, beside": "runs beside, each time anew",
    "event subprocess, timer duration, beside": "runs beside, each time anew",
    "event subprocess, timer cycle, beside": "each time anew",
    "event subprocess, conditional, beside": "each time the condition becomes true",
    "intermediateCatchEvent, timer date": "waits until then, held or not",
    "intermediateCatchEvent, timer duration": "stands still while the level is held",
    "intermediateCatchEvent, message": "with `correlation` only a message that carries its value",
    "intermediateCatchEvent, signal": "one thrown before is not waited for any more",
    "intermediateCatchEvent, conditional": "goes on when it holds, as long as `sustained` says",
    "intermediateCatchEvent, link": "entered by the throws of its name in the same process",
    "intermediateThrowEvent, none": "a mark in the way",
    "intermediateThrowEvent, message": "taken once by who waits, else kept",
    "intermediateThrowEvent, signal": "reaches all that waits in the run; `plantWide` every run",
    "intermediateThrowEvent, escalation": "to the nearest scope that catches it, if any",
    "intermediateThrowEvent, link": "goes on at the catch of its name",
    "endEvent, none": "ends its branch; the level ends with the last one",
    "endEvent, error": "caught by the nearest scope, over any number of levels; uncaught the run is"
    " held",
    "endEvent, escalation": "thrown as by a throw event, then the branch ends",
    "endEvent, message": "thrown as by a throw event, then the branch ends",
    "endEvent, signal": "thrown as by a throw event, then the branch ends",
    "endEvent, terminate": "ends everything else in its level",
    "boundaryEvent, timer date": "interrupts its host, whose flow goes on here",
    "boundaryEvent, timer duration": "interrupts its host, whose flow goes on here",
    "boundaryEvent, message": "interrupts its host, whose flow goes on here",
    "boundaryEvent, signal": "interrupts its host, whose flow goes on here",
    "boundaryEvent, conditional": "on steps, calls, levels; `sustained` as long as it must hold",
    "boundaryEvent, error": "on calls and subprocesses",
    "boundaryEvent, escalation": "on calls and subprocesses",
    "boundaryEvent, timer date, beside": "runs beside, each time anew",
    "boundaryEvent, timer duration, beside": "runs beside, each time anew",
    "boundaryEvent, timer cycle, beside": "fires every time; its handlers outlive the host",
    "boundaryEvent, message, beside": "runs beside, each time anew",
    "boundaryEvent, signal, beside": "runs beside, each time anew",
    "boundaryEvent, conditional, beside": "runs beside, each time the condition becomes true",
    "boundaryEvent, escalation, beside": "runs beside, each time anew",
}
"""What we execute, in the order of the page, and how."""
HEAD = """# BPMN profile

Generated from the tests by `python -m tools.reference`; a test compares it.

What a definition may be drawn with. A file comes in whole or not at all; the refusal lists every
mistake with a code, the BPMN id, the line, and what to draw instead. Nothing is ignored silently.

## The file

UTF-8, at most 4 MiB, 60,000 elements, 32 levels of nesting; no document type, no entities, no
processing instructions. One file is one definition: the entry process carries `bw:recipe` and
`bw:level entry="true"`, every other process only `bw:level`. Drawing information, documentation,
annotations and associations may stand in the file and are not executed.

## Levels

Each process is one ISA-88 level with at most 60 nodes. A procedure calls unit procedures, a unit
procedure calls operations, an operation holds steps (phases) and may call further operations. A
master recipe starts with a procedure. Called processes stand in the same file, so every call is
pinned by the file's digest; no process calls itself, and none is left uncalled. A process drawn
inside another one has the level of that one.

## Elements

Every row is carried out by the conformance models named in it. Each model runs in one go, with a
new process for every move, without any cache, and once more from its own journal, and must come to
the same facts (`tests/support/conformance`, `tests/integration/engine/test_resume.py` and
`test_replay.py`). *Beside* means: does not interrupt.

| Element | Executed as | Models |
| --- | --- | --- |
"""
RULES = """
Timers are plain ISO 8601: `PT30M`, `P7D`, `2026-11-22T06:00:00Z` with its offset, `R/PT15M` or
`R3/PT15M`. A cycle never interrupts. Months and years are no fixed lengths and are refused.

A condition reads recorded values and live tags. One that is true from the beginning happens at
once. On a step it counts from when the step is started, anywhere else from when the flow comes
there. What it begins beside its host begins again only after the condition was false in between; a
value that is missing or stale counts as false. A held level takes note of it when it goes on.

A process of the file that nothing calls and that begins by an event stands beside the entry
process as an event subprocess of it would: its message, signal, timer or condition is waited for
from the start of the record to its end, each time begins it anew, and the record ends with the last
of them ([decision 0013](../adr/0013-what-a-start-event-begins.md)).

## Flow

- Everything is reached from the start and leads to an end.
- One flow enters whatever is no gateway, and one leaves it, unless conditions say which ones of
  several. Branches are split and joined by gateways.
- A loop has a bound of at most 200 rounds on the flow that leads back, which leaves an exclusive
  gateway or a task.
- A token check visits the states of each level: a join that could wait for ever and a place where
  two tokens could meet are refused. A level with too many states to visit is refused, too.
- An inclusive gateway stands in no loop and has at most six ways out.
- What a boundary event that does not interrupt begins has an end of its own and never joins the
  flow of its host.
- What is thrown is delivered when every flow that moves has come to rest; the flow behind the throw
  goes on after that.

## Steps

Each kind needs its content: a clearance its check points and validity, a weighing its material,
quantity and scale, and so on. Critical parameters need action or registered limits and a
signature. Limits lie inside each other: alert, action, registered. A calculated parameter uses
what stands before it. Tags are declared under their equipment requirement and checked for unit and
for writing. A master recipe also needs product, batch size, formula, theoretical yields, packaging,
equipment, precautions, sampling, a yield step with action limits, and a label in its language for
everything shown to people.

## Not executed, therefore refused

Beside these, every attribute and extension element of other products is refused.

| Drawn | Code | What to draw instead |
| --- | --- | --- |
"""


def page() -> str:
    """The whole page, deterministic to the byte."""
    rows = [f"| {_code(name)} | {text} | {_shown(name)} |" for name, text in RUNS.items()]
    return HEAD + "\n".join(rows) + "\n" + RULES + "\n".join(_refused()) + "\n"


def _shown(element: str) -> str:
    """The models that show an element, those with the least beside it first."""
    names = sorted(models_by_element()[element], key=lambda name: len(elements(MODELS[name].data)))
    more = f" and {len(names) - MOST_SHOWN} more" if len(names) > MOST_SHOWN else ""
    return ", ".join(names[:MOST_SHOWN]) + more


def _code(name: str) -> str:
    """The first word of a row is a BPMN name, unless it is plain English."""
    first, separator, rest = name.partition(",")
    plain = " " in first or first == "repeating"
    return name if plain else f"`{first}`{separator}{rest}"


def _refused() -> Iterator[str]:
    for name, refusal in REFUSED.items():
        found = [f for f in findings(refusal.data) if f.element == refusal.element]
        said = next(finding for finding in found if finding.code == refusal.code)
        yield f"| {name} | `{said.code}` | {said.remedy} |"


def findings(data: bytes) -> list[Finding]:
    """Everything that the import has against a file."""
    try:
        import_procedure(data)
    except DefinitionRefused as refused:
        return list(refused.findings)
    return []


@cache
def models_by_element() -> dict[str, list[str]]:
    """The names of the models in which each element stands."""
    found: dict[str, list[str]] = {}
    for name, model in MODELS.items():
        for element in sorted(elements(model.data)):
            found.setdefault(element, []).append(name)
    return found


def elements(data: bytes) -> set[str]:
    """What a file is drawn with, in the words of the page."""
    root = etree.fromstring(data)
    return {word for element in root.iter(f"{B}*") for word in _words(root, element)}


def _words(root: etree._Element, element: etree._Element) -> Iterator[str]:
    tag = etree.QName(element).localname
    if tag.endswith("Event"):
        yield _event(tag, element)
    elif tag == "subProcess" and element.get("triggeredByEvent") == "true":
        yield "subProcess, begun by an event"
    elif tag in whitelist.NODES or tag == "lane":
        yield tag
    elif tag == "multiInstanceLoopCharacteristics":
        after = element.get("isSequential") == "true"
        yield "repeating, one after the other" if after else "repeating, several at once"
        if element.find(f"{B}completionCondition") is not None:
            yield "repeating, until complete"
    elif tag == "standardLoopCharacteristics":
        yield "repeating, loop"
    elif tag == "sequenceFlow":
        yield from _flow(root, element)


def _flow(root: etree._Element, element: etree._Element) -> Iterator[str]:
    if element.find(f"{B}extensionElements") is not None:
        yield "sequenceFlow, leading back"
    if element.find(f"{B}conditionExpression") is not None:
        source = root.find(f".//*[@id='{element.get('sourceRef')}']")
        gateway = source is not None and etree.QName(source).localname.endswith("Gateway")
        yield f"sequenceFlow, condition behind a {'gateway' if gateway else 'task'}"


def _event(tag: str, element: etree._Element) -> str:
    holder = element.getparent()
    inside = holder is not None and holder.get("triggeredByEvent") == "true"
    words = ["event subprocess" if tag == "startEvent" and inside else tag, "none"]
    for child in element:
        kind = etree.QName(child).localname
        if kind.endswith("EventDefinition"):
            words[1] = kind.removesuffix("EventDefinition")
            if words[1] == "timer":
                words[1] += f" {etree.QName(child[0]).localname.removeprefix('time').lower()}"
    if "false" in (element.get("cancelActivity"), element.get("isInterrupting")):
        words.append("beside")
    return ", ".join(words)
