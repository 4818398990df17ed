"""Values that one giant step must reproduce."""

LANDMARKS = ()
