"""Models from the plain form that the API takes."""
