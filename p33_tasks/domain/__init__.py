"""Rules and arithmetic of positions, plans and permits. Pure: no I/O, no clock, standard library only."""
