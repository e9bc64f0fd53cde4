"""THE definition of the `bw:` elements, namespace ``urn:batchwright:recipe:1``.

The meaning of an attribute never changes within one namespace version; a changed meaning is a new
namespace. `python -m workflows.schema.generate` writes the XSD and the descriptor from it. What a
header holds is in `headers`, what a step holds in `steps`; marks on other elements are here.
"""

from __future__ import annotations

from workflows import step, words
from workflows.schema import headers, marks, steps
from workflows.schema.grammar import Element, may, must
from workflows.schema.grammar import ValueType as T

NAMESPACE = "urn:batchwright:recipe:1"
PREFIX = "bw"


def _phrase(name: str, help_: str) -> Element:
    lang = must("lang", T.LANG)
    return Element(name=name, cls=step.Phrase, help=help_, attributes=(lang,), body="text")


PHRASES = (
    _phrase("label", "a name to show, in one language"),
    _phrase("instruction", "what to do, in one language"),
    _phrase("precaution", "a precaution of the whole recipe, in one language"),
)

MARKS = (
    Element(
        name="level",
        cls=marks.LevelMark,
        help="the ISA-88 level of a process; entry marks the one that runs first",
        within=("Process",),
        attributes=(must("isa88", words.Isa88), may("entry", T.BOOLEAN)),
    ),
    Element(
        name="rounds",
        cls=marks.RoundsMark,
        help="how many rounds at most, on a backward flow or on what repeats",
        within=(
            "SequenceFlow",
            "CallActivity",
            "SubProcess",
            "SendTask",
            "ReceiveTask",
            *steps.TASKS,
        ),
        attributes=(must("maximum", T.INTEGER),),
    ),
    Element(
        name="lane",
        cls=marks.LaneMark,
        help="the role that performs the steps of a lane",
        within=("Lane",),
        attributes=(must("role", T.KEY),),
    ),
    Element(
        name="event",
        cls=marks.EventMark,
        help="severity and reach of an event",
        within=(
            "BoundaryEvent",
            "StartEvent",
            "EndEvent",
            "IntermediateCatchEvent",
            "IntermediateThrowEvent",
            "SendTask",
            "ReceiveTask",
        ),
        attributes=(
            may("severity", words.Severity, "of the exception at a boundary or event subprocess"),
            may("sustained", T.DURATION, "how long a condition must hold"),
            may("plantWide", T.BOOLEAN, "a signal that reaches every run of the site"),
            may("correlation", T.EXPRESSION, "the value that a message carries"),
        ),
    ),
)

ELEMENTS: dict[str, Element] = {
    element.name: element
    for element in (
        *PHRASES,
        *headers.HEADER,
        *steps.PARAMETER,
        *steps.RESOURCES,
        *steps.TIMES,
        *steps.PLANS,
        *steps.DECISION,
        steps.STEP,
        *MARKS,
    )
}
