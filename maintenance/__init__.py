"""Work orders, calibration, cleaning status and logbook."""
