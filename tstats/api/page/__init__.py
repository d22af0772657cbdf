"""The web page: what there is to see without Grafana."""
