"""The simulated cell of the demo plant: pure models below, a thin layer of real wire above."""
