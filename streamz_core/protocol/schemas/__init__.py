"""Which fields every message of the protocol has in which version: one table per API, in one notation.

A table begins with the versions it covers, and those from which on it is flexible (KIP-482)::

    versions 4-12, flexible 12+

Then comes one row per field, in the order of the wire; a structure's fields stand below it, indented::

    name: type[?] [versions] [tag N] [= default] [unused]

- ``name``: Kafka's, in snake_case; it is the attribute of the message (``protocol/messages``) as well.
- ``type``: ``bool int8 int16 uint16 int32 uint32 int64 float64 string bytes records uuid``, an array of one of
  them (``[int32]``), an array of structures (``[]``), or one structure (``{}``).
- ``-`` for a type: an attribute of ours that the wire has no field for.
- ``?``: may be null; ``?7+`` or ``?1-3``: in these versions only. Where our attribute is a ``str`` and not
  ``str | None``, null is the empty text.
- ``versions``: where the field exists, ``5+``, ``4-12`` or ``3``; every version of what it stands in if not told.
- ``tag N``: a tagged field. Those without a row are skipped, whatever is in them.
- ``= default``: the value in versions that do not have the field, if the message does not say; else 0, empty
  or false.
- ``unused``: our message has no such attribute: it is read and dropped, and written as its default (an array
  as empty).

The message's annotations say the rest: which class a structure becomes (a ``dict`` is made of structures with two
fields, a list of plain values of structures with one that is used), and which ``IntEnum`` a number is.

Source: the message definitions of Apache Kafka 4.1 (common/message/*.json), https://kafka.apache.org/protocol
"""
