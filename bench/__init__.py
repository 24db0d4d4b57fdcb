"""Speed, beside other people's implementations: `make bench`."""
