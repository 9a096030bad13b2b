"""HTTP requests: transport, executor, retries, throttling, pacing and the API's dialect."""
