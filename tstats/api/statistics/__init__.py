"""GET cache_stats, deliveryservice_stats and current_stats."""
