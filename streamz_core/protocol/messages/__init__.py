"""Typed requests and responses of the Kafka protocol, one file per API.

This package holds values only: what the fields are called and what they mean. Their encoding is
the business of the wire codec, their execution that of the broker.
"""
