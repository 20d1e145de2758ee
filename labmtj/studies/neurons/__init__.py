"""Studies of networks whose activations and gradients are measured curves of neurons made of one junction each."""
