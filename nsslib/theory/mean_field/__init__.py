"""Mean-field theory of the network dx/dt = -x + J phi(x) itself."""
