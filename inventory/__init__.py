"""Materials, lots, containers, ledger and genealogy."""
