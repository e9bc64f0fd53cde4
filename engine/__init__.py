"""Run time of workflows: instances, human tasks, timers, messages, journal."""
