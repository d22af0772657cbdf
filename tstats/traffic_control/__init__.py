"""Traffic Ops and Traffic Monitor: their clients, and the inventory that Traffic Ops keeps."""
