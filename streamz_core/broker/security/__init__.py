"""Who may do what, kept and decided: ACLs, users, and the handlers' part of both. No request is refused here."""
