"""Ground floor: database, transaction, events, jobs, clock, settings, errors, sites."""
