"""Theory: replica (the Boltzmann measure of the quasi-potential) and mean_field (the network itself)."""
