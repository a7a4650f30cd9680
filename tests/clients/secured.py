"""Owns: how client libraries log in: one record sent, and read again in a group."""

import asyncio
import contextlib
import ssl
from dataclasses import dataclass
from typing import Any, Protocol

WAIT_S = 10


class Refused(Exception):
    """The server did not let the client in, or do what it asked."""


@dataclass(frozen=True)
class Login:
    """Who a client says it is, and whom it believes."""

    protocol: str
    mechanism: str | None = None
    user: str | None = None
    password: str | None = None
    ca: str | None = None
    certificate: tuple[str, str] | None = None
    token: str | None = None

    def context(self) -> ssl.SSLContext | None:
        if self.ca is None:
            return None
        context = ssl.create_default_context(cafile=self.ca)
        if self.certificate is not None:
            context.load_cert_chain(*self.certificate)
        return context


class SecuredClient(Protocol):
    """A client library that logs in."""

    user: str
    """A name it can log in with."""

    def send(self, topic: str, value: bytes) -> None:
        """One record; raises ``Refused``."""

    def read(self, topic: str, group: str) -> bytes:
        """The first record, in the name of the group; raises ``Refused``."""


class ConfluentSecured:
    """librdkafka."""

    user = "ann,=lee"

    def __init__(self, address: str, login: Login) -> None:
        import confluent_kafka

        self._library = confluent_kafka
        self._settings: dict[str, Any] = {
            "bootstrap.servers": address,
            "security.protocol": login.protocol,
            "log_level": 0,
            "error_cb": self._failed,
        }
        given = {
            "sasl.mechanism": login.mechanism,
            "sasl.username": login.user,
            "sasl.password": login.password,
            "ssl.ca.location": login.ca,
        }
        self._settings |= {name: value for name, value in given.items() if value is not None}
        if login.certificate is not None:
            certificate, key = login.certificate
            self._settings |= {"ssl.certificate.location": certificate, "ssl.key.location": key}
        if login.token is not None:
            self._settings["oauth_cb"] = lambda _: (login.token, 4_000_000_000.0)
        self._errors: list[Any] = []

    def _failed(self, error: Any) -> None:
        self._errors.append(error)

    def _check(self) -> None:
        fatal = {
            self._library.KafkaError._AUTHENTICATION,
            self._library.KafkaError._SSL,
            self._library.KafkaError._ALL_BROKERS_DOWN,
        }
        found = [error for error in self._errors if error.code() in fatal]
        if found:
            raise Refused(str(found[0]))

    def send(self, topic: str, value: bytes) -> None:
        outcome: list[Any] = []
        producer = self._library.Producer(self._settings)
        producer.produce(topic, value, on_delivery=lambda error, _: outcome.append(error))
        try:
            for _ in range(WAIT_S * 100):
                producer.poll(0.01)
                self._check()
                if outcome:
                    break
            if outcome[0] is not None:
                raise Refused(str(outcome[0]))
        finally:
            producer.purge()
            producer.flush(0)

    def read(self, topic: str, group: str) -> bytes:
        consumer = self._library.Consumer(
            self._settings | {"group.id": group, "auto.offset.reset": "earliest", "fetch.wait.max.ms": 50}
        )
        try:
            consumer.subscribe([topic])
            for _ in range(WAIT_S * 10):
                message = consumer.poll(0.1)
                self._check()
                if message is not None:
                    if message.error() is not None:
                        raise Refused(str(message.error()))
                    return message.value()
            raise AssertionError("nothing came")
        finally:
            consumer.close()


class KafkaPythonSecured:
    """kafka-python, which does not escape names in SCRAM."""

    user = "ann"

    def __init__(self, address: str, login: Login) -> None:
        import kafka

        self._library = kafka
        self._settings: dict[str, Any] = {
            "bootstrap_servers": address,
            "security_protocol": login.protocol,
            "ssl_context": login.context(),
            "sasl_mechanism": login.mechanism,
            "sasl_plain_username": login.user,
            "sasl_plain_password": login.password,
            "reconnect_backoff_ms": 10,
        }
        if login.token is not None:
            from kafka.net.sasl.oauth import AbstractTokenProvider

            class Provider(AbstractTokenProvider):
                def token(self) -> str:
                    return login.token or ""

            self._settings["sasl_oauth_token_provider"] = Provider()

    def send(self, topic: str, value: bytes) -> None:
        with self._refusals():
            producer = self._library.KafkaProducer(**self._settings, max_block_ms=WAIT_S * 1_000)
            with contextlib.closing(producer):
                producer.send(topic, value).get(WAIT_S)

    def read(self, topic: str, group: str) -> bytes:
        # Assigned by hand: as a member it may join before it knows of the topic, and then waits for minutes.
        where = self._library.TopicPartition(topic, 0)
        with self._refusals():
            consumer = self._library.KafkaConsumer(
                **self._settings, group_id=group, auto_offset_reset="earliest", fetch_max_wait_ms=50
            )
            with contextlib.closing(consumer):
                consumer.assign([where])
                for _ in range(WAIT_S * 10):
                    for records in consumer.poll(timeout_ms=100).values():
                        consumer.commit()
                        return records[0].value
        raise AssertionError("nothing came")

    @contextlib.contextmanager
    def _refusals(self) -> Any:
        from kafka.errors import KafkaError

        try:
            yield
        except KafkaError as error:
            raise Refused(repr(error)) from error


class AiokafkaSecured:
    """aiokafka."""

    user = "ann,=lee"

    def __init__(self, address: str, login: Login) -> None:
        import aiokafka
        from aiokafka.abc import AbstractTokenProvider

        self._library = aiokafka
        self._settings: dict[str, Any] = {
            "bootstrap_servers": address,
            "security_protocol": login.protocol,
            "ssl_context": login.context(),
            "sasl_plain_username": login.user,
            "sasl_plain_password": login.password,
        }
        if login.mechanism is not None:
            self._settings["sasl_mechanism"] = login.mechanism
        if login.token is not None:

            class Provider(AbstractTokenProvider):
                async def token(self) -> str:
                    return login.token or ""

            self._settings["sasl_oauth_token_provider"] = Provider()

    def send(self, topic: str, value: bytes) -> None:
        self._run(self._send(topic, value))

    async def _send(self, topic: str, value: bytes) -> None:
        producer = self._library.AIOKafkaProducer(**self._settings, request_timeout_ms=WAIT_S * 1_000)
        try:
            await producer.start()
            await producer.send_and_wait(topic, value)
        finally:
            await producer.stop()

    def read(self, topic: str, group: str) -> bytes:
        return self._run(self._read(topic, group))

    async def _read(self, topic: str, group: str) -> bytes:
        consumer = self._library.AIOKafkaConsumer(
            topic, **self._settings, group_id=group, auto_offset_reset="earliest", fetch_max_wait_ms=50
        )
        try:
            await consumer.start()
            return (await consumer.getone()).value
        finally:
            await consumer.stop()

    def _run(self, work: Any) -> Any:
        from aiokafka.errors import KafkaError

        try:
            return asyncio.run(asyncio.wait_for(work, WAIT_S))
        except KafkaError as error:
            raise Refused(repr(error)) from error


LIBRARIES: dict[str, Any] = {
    "aiokafka": AiokafkaSecured,
    "confluent-kafka": ConfluentSecured,
    "kafka-python": KafkaPythonSecured,
}
