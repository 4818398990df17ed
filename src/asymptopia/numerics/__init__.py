"""Mathematics that knows nothing of learning: quadrature, fixed points, roots, diffusions, spectra."""
