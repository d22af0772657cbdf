"""Grafana dashboards as code, generated from the catalog.

`names` and `data_sources` hold uids and titles. The modules of `boards` describe one dashboard each, in the
vocabulary of `queries`, `targets`, `thresholds`, `panels` and `dashboard`; `json_models` renders them all.
`provisioning`, `push` and `links` bring them to Grafana and to Traffic Ops. Rendering needs the extra
`tstats[grafana]`; `names`, `data_sources`, `queries` and `links` work without it.
"""
