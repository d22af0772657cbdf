"""What every command shares: options, output, progress, exit statuses and logs."""
