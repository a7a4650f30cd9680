"""Who the peer is and what it may do: TLS, SASL, and one table of what each API needs. No socket is touched here."""
