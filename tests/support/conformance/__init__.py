"""The conformance models: a small procedure for every element that we execute.

Each runs straight, with every move in a process of its own, with all caches forgotten, and built
again from its journal, and must come to the same journal each time; beside that it must open the
steps that stand in it (`tests/integration/engine/test_resume.py`, `test_replay.py`). The profile
page says which element is carried out in which model.
"""
