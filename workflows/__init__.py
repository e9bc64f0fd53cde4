"""BPMN, DMN and forms: versions and their life cycle, profile check, expressions."""
