"""The public contract as one OpenAPI 3.1 document, made from both sides' own tables."""
