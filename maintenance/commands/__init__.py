"""The only writers of maintenance: orders, cleaning entries, calibrations."""
