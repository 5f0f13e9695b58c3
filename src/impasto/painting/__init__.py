"""One painting in progress: by optimisation, by one pass of networks, or by both."""
