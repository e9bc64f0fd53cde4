"""Sealed facts: entries, streams, the log, checkpoints, signatures and the stand-alone verifier."""
