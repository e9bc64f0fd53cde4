"""Step kinds of the quality unit: sample, control, disposition, clearance, review."""
