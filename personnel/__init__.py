"""People, roles, qualifications and credentials; the one door to sign."""
