"""Makes the published conformance vectors of the evidence format, the same bytes every time."""
