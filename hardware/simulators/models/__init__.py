"""Pure, seeded, deterministic models of the demo equipment: no clock, no socket, no file."""
