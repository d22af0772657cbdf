"""Who may ask: sessions of Traffic Ops, tokens of our own, or everybody on this machine."""
