"""The checks of `cliq doctor`."""
