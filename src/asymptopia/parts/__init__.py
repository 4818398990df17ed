"""Parts of a statement that several laws share: losses, channels, priors."""
