"""The one system of record: runs, steps, values, corrections, exceptions; report and evidence bundle."""
