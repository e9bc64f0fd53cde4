"""Stock SpiffWorkflow as its examples use it: load the whole workflow, run one step, save it whole.

Seven steps from the middle of the recipe of 1,000 steps, drawn with the same levels. The values of
each step stay in the workflow under names of their own, because nothing else holds the record.
"""

from __future__ import annotations

import statistics
import time
from io import BytesIO
from typing import Any

from lxml import etree
from SpiffWorkflow.bpmn import BpmnWorkflow
from SpiffWorkflow.bpmn.parser import BpmnParser
from SpiffWorkflow.bpmn.serializer import BpmnWorkflowSerializer
from SpiffWorkflow.util.task import TaskState

from tests.bench.shapes import SIZES, recipe

STEPS = 7
VALUES = {"mass": "10.00", "height": "4.71", "speed": "40.0", "torque": "1.6", "remark": "good"}


def step_ms() -> float:
    """Median milliseconds of load, one completed task, save; without any database."""
    serializer = BpmnWorkflowSerializer()
    text = serializer.serialize_json(_at_the_middle())
    took = []
    for _ in range(STEPS):
        began = time.perf_counter()
        workflow = serializer.deserialize_json(text)
        _complete(workflow)
        text = serializer.serialize_json(workflow)
        took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took)


def _at_the_middle() -> Any:
    units, operations, steps = SIZES["n1000"]
    parser = BpmnParser()
    parser.add_bpmn_xml(etree.parse(BytesIO(recipe(SIZES["n1000"]))))
    workflow = BpmnWorkflow(parser.get_spec("PROC_1"), parser.get_subprocess_specs("PROC_1"))
    workflow.do_engine_steps()
    for _ in range(units * operations * steps // 2):
        _complete(workflow)
    return workflow


def _complete(workflow: Any) -> None:
    task = workflow.get_next_task(state=TaskState.READY, manual=True)
    name = task.task_spec.bpmn_id
    task.data.update({f"{name}_{code}": value for code, value in VALUES.items()})
    task.run()
    workflow.do_engine_steps()
