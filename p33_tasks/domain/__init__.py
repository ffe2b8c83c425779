"""What the brain knows about positions, plans and permits. Pure: no I/O, no clock, standard library only."""
