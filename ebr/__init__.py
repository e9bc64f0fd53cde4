"""The one system of record: runs, steps, values, exceptions, report and evidence bundle."""
