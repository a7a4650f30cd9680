"""Owns: headers, byte for byte as kafka-python has them, and what is wrong with hostile ones."""

from __future__ import annotations

import kafka.protocol.consumer
import kafka.protocol.metadata
import pytest

from streamz_core.protocol.wire.headers import (
    RequestHeader,
    read_request_header,
    read_response_header,
    write_request_header,
    write_response_header,
)
from streamz_core.protocol.wire.malformed import MalformedMessage

FETCH, API_VERSIONS = 1, 18


@pytest.mark.parametrize("version", [4, 11, 12, 16])
@pytest.mark.parametrize("client_id", [None, "", "app-ü"])
def test_a_request_header_is_kafka_pythons(version, client_id):
    header = RequestHeader(FETCH, version, 77, client_id)
    theirs = kafka.protocol.consumer.FetchRequest(version=version, topics=[], forgotten_topics_data=[])
    theirs.with_header(correlation_id=77, client_id=client_id)
    body = theirs.encode(version=version)

    written = write_request_header(header)

    assert theirs.encode(version=version, header=True) == written + body
    assert read_request_header(memoryview(written + body)) == (header, len(written))


@pytest.mark.parametrize("version", [0, 3, 4])
def test_an_api_versions_request_has_tags_in_its_header_and_its_response_none(version):
    header = RequestHeader(API_VERSIONS, version, 1, "c")
    theirs = kafka.protocol.metadata.ApiVersionsRequest(
        version=version, client_software_name="n", client_software_version="v"
    )
    theirs.with_header(correlation_id=1, client_id="c")

    assert theirs.encode(version=version, header=True).startswith(write_request_header(header))
    assert write_response_header(API_VERSIONS, version, 5) == b"\0\0\0\5"
    assert read_response_header(API_VERSIONS, version, memoryview(b"\0\0\0\5rest")) == (5, 4)


@pytest.mark.parametrize(("version", "header"), [(11, b"\0\0\0\5"), (12, b"\0\0\0\5\0")])
def test_a_response_header_has_tags_in_flexible_versions(version, header):
    assert write_response_header(FETCH, version, 5) == header
    assert read_response_header(FETCH, version, memoryview(header + b"rest")) == (5, len(header))


def test_tags_that_nobody_knows_are_skipped():
    written = write_request_header(RequestHeader(FETCH, 12, 1, "c"))[:-1] + b"\x01\x09\x02ab"

    assert read_request_header(memoryview(written + b"body")) == (
        RequestHeader(FETCH, 12, 1, "c"),
        len(written),
    )
    assert read_response_header(FETCH, 12, memoryview(b"\0\0\0\5\x01\x09\x02ab")) == (5, 9)


@pytest.mark.parametrize(("api_key", "version"), [(4711, 0), (FETCH, 99), (FETCH, -1)])
def test_what_nobody_knows_has_a_header_that_can_be_answered(api_key, version):
    frame = (
        (api_key & 0xFFFF).to_bytes(2, "big") + (version & 0xFFFF).to_bytes(2, "big") + b"\0\0\0\7\xff\xff??"
    )

    header, _ = read_request_header(memoryview(frame))

    assert header == RequestHeader(api_key, version, 7, None)


def test_a_header_cut_anywhere_is_malformed():
    written = write_request_header(RequestHeader(FETCH, 12, 1, "client"))
    for length in range(len(written)):
        with pytest.raises(MalformedMessage):
            read_request_header(memoryview(written[:length]))
    for length in range(5):
        with pytest.raises(MalformedMessage):
            read_response_header(FETCH, 12, memoryview(b"\0\0\0\5\0"[:length]))


@pytest.mark.parametrize("length", [b"\x7f\xff", b"\xff\xfe", b"\x80\0"])
def test_a_client_id_that_is_not_there_is_malformed(length):
    with pytest.raises(MalformedMessage, match="client id"):
        read_request_header(memoryview(b"\0\1\0\4\0\0\0\1" + length + b"abc"))


def test_a_client_id_that_is_no_utf8_is_malformed():
    with pytest.raises(MalformedMessage):
        read_request_header(memoryview(b"\0\1\0\4\0\0\0\1\0\2\xff\xfe"))


@pytest.mark.parametrize(
    "tags", [b"\x01", b"\x01\x09\x7f", b"\xff\xff\xff\xff\xff\xff", b"\xff\xff\xff\xff\x7f"]
)
def test_tags_that_are_not_there_are_malformed(tags):
    with pytest.raises(MalformedMessage):
        read_response_header(FETCH, 12, memoryview(b"\0\0\0\5" + tags))
