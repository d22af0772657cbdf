"""Grafana dashboards as code, drawn from the catalog.

`names` and `sources` say what things are called; `queries`, `panels` and `board` are the kit; one module a
dashboard uses it; `json_models` has them all. `provisioning`, `push` and `links` bring them to Grafana and to
Traffic Ops. What draws needs the extra `tstats[grafana]`; names, sources and links do without.
"""
