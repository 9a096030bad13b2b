"""Events: signed requests to webhook bots, their answers, and the people who cause them."""
