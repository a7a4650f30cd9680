"""One file per API: each takes the broker and a request and answers a response."""
