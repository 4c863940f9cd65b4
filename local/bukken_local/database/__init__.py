"""PostgreSQL in Aurora's shape: a primary, a storage, a standby, and an endpoint for each role."""
