"""Regular expressions that a stranger may send: matched in time linear in the text, whatever they say."""
