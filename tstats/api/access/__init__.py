"""Who may use the API: sessions of Traffic Ops, tokens made by tstats, or everybody on this machine."""
