"""The inquiry relay: the command side's second process, which delivers accepted inquiries."""
