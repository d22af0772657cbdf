"""Scripts for people who work on tstats: the demo, the benches, the documentation; run from the checkout."""
