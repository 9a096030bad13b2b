"""Jobs over many recipients."""
