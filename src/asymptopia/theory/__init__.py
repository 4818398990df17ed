"""What limits are computed with and several laws need; only a law's theory imports it."""
