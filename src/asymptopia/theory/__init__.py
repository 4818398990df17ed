"""Methods for computing limits that several laws share; only the theory of a law imports them."""
