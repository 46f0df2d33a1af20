"""Pure numerical routines over arrays: neighbours, linear models, spectra, intervals."""
