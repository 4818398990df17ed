"""Random graphs, and message passing on them."""
