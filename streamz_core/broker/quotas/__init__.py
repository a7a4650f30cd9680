"""Client quotas, kept and decided: for whom which limit holds. Nobody is slowed down here."""
