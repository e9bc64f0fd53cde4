"""What a record says, as one view for screen, PDF and JSON, and how it is printed."""
