"""Owns: what we say we serve, held against Apache Kafka's own definitions of its messages."""

import json
import re
import zipfile

from streamz_core.broker.registry import API_KEYS
from streamz_core.protocol.wire import codec
from streamz_core.server.api_versions import OFFERED_FROM_0, api_versions, stable
from streamz_core.server.dispatch import ANSWERED_HERE

TAKEN_AS_CLIENTS_DO = {24: 3}
"""AddPartitionsToTxn: what is above is sent by brokers to each other, and Kafka refuses it to clients."""


def definitions(java):
    """Kafka's own, by API key."""
    (jar,) = (java.TARGET / "lib").glob("kafka-clients-*.jar")
    with zipfile.ZipFile(jar) as opened:
        names = [one for one in opened.namelist() if re.fullmatch(r"common/message/\w+Request\.json", one)]
        texts = [opened.read(one).decode() for one in names]
    found = [json.loads(re.sub(r"(?m)^\s*//.*$|//[^\"\n]*$", "", text)) for text in texts]
    return {one["apiKey"]: one for one in found if one["validVersions"] != "none"}


def test_the_newest_version_of_each_api_is_offered_that_kafka_calls_stable(java):
    kafkas = definitions(java)

    offered = api_versions(API_KEYS | ANSWERED_HERE, stable(codec.supported())).api_keys

    assert len(offered) > 50
    for one in offered:
        lowest, _, highest = kafkas[one.api_key]["validVersions"].rpartition("-")
        is_unstable = kafkas[one.api_key].get("latestVersionUnstable", False)
        newest = TAKEN_AS_CLIENTS_DO.get(one.api_key, int(highest) - is_unstable)
        assert one.max_version == newest, kafkas[one.api_key]["name"]
        assert one.min_version <= int(lowest or highest) or one.api_key in OFFERED_FROM_0


def test_what_kafka_may_still_change_is_known():
    spoken = codec.supported()

    assert {key for key, versions in stable(spoken).items() if versions != spoken[key]} == {8, 9}
