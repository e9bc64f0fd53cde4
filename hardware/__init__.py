"""Equipment model, tags, readings and historian; device drivers, simulators and the gateway."""
