"""The one model both sides share: tables, sessions, roles, connection rules."""
