"""What both services promise: to their clients, and to the platform that runs them."""
