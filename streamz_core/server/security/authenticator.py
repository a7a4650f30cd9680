"""One connection's way to being somebody.

Owns: which requests it may make now, the exchange it is in, who it is and until when.
Must not know: sockets, frames, mechanisms' messages.

A request is first asked for by its API key alone (``admits``): what a stranger may not ask is not even decoded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamz_core.aio.deadline import sleep
from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.api_versions import ApiVersionsRequest
from streamz_core.protocol.messages.sasl_authenticate import SaslAuthenticateRequest, SaslAuthenticateResponse
from streamz_core.protocol.messages.sasl_handshake import SaslHandshakeRequest, SaslHandshakeResponse
from streamz_core.secret import Secret
from streamz_core.server.security.mechanism import Continued, Failed, Proven
from streamz_core.server.security.sasl_state import SaslEvent, SaslState, after, may

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamz_core.clock import Clock
    from streamz_core.server.security.audit import Audit
    from streamz_core.server.security.mechanism import Exchange, Mechanism, Outcome

ANONYMOUS: Final = "User:ANONYMOUS"
"""Who has not authenticated, where nobody has to (Kafka's name)."""
LOCAL: Final = "User:LOCAL"
"""A process of the user whose data it is."""
FAILURE_DELAY_MS: Final = 100
"""How long a failed login waits for its answer (Kafka's ``connection.failed.authentication.delay.ms``)."""
_SASL_APIS: Final = (SaslHandshakeRequest.api_key, SaslAuthenticateRequest.api_key)
_EVENTS: Final = {
    ApiVersionsRequest.api_key: SaslEvent.VERSIONS,
    SaslHandshakeRequest.api_key: SaslEvent.HANDSHAKE,
}
_EXCHANGES: Final = (SaslState.EXCHANGING, SaslState.EXCHANGING_AGAIN)


class Authenticator:
    """Who one peer is, as far as it has been proved.

    Ask ``admits`` before a request is decoded. Give SaslHandshake and SaslAuthenticate to ``handshake`` and
    ``authenticate``, one at a time and after ``admits``. Once ``is_over``, send the answer and close the connection.
    """

    def __init__(
        self,
        mechanisms: Mapping[str, Mechanism],
        clock: Clock,
        audit: Audit,
        *,
        host: str,
        principal: str,
        session_max_ms: int = 0,
    ) -> None:
        """``principal`` is who the peer is without SASL. Without ``mechanisms`` nobody has to authenticate by it.

        ``session_max_ms``: after so long a peer has to authenticate again (KIP-368); 0: never for that alone.
        """
        self.principal = principal
        self.host = host
        self._mechanisms = mechanisms
        self._clock = clock
        self._audit = audit
        self._session_max_ms = session_max_ms
        self._state = SaslState.NEW if mechanisms else SaslState.OPEN
        self._exchange: Exchange | None = None
        self._mechanism = ""
        self._expires_ms: float | None = None

    @property
    def state(self) -> SaslState:
        """Where it is now."""
        is_expired = self._expires_ms is not None and self._clock.monotonic_ms() >= self._expires_ms
        if is_expired and self._state is SaslState.AUTHENTICATED:
            self._state = after(self._state, SaslEvent.EXPIRY)
        return self._state

    @property
    def is_admitted(self) -> bool:
        """Whether it may ask for more than how to authenticate."""
        return self.state in {SaslState.OPEN, SaslState.AUTHENTICATED}

    @property
    def is_over(self) -> bool:
        """Whether the connection has to be closed."""
        return self._state is SaslState.ENDED

    @property
    def is_stranger(self) -> bool:
        """Whether it has to authenticate and never did."""
        return self._state in {SaslState.NEW, SaslState.EXCHANGING, SaslState.ENDED}

    def refuse(self, reason: str) -> None:
        """End it for a reason that came up elsewhere."""
        self._state = SaslState.ENDED
        self._audit.login_failed(self.host, "certificate", reason)

    def admits(self, api_key: int) -> bool:
        """Whether a request of this API may be answered now; if not, the connection is over."""
        state = self.state
        if api_key == SaslAuthenticateRequest.api_key:
            is_admitted = state in _EXCHANGES
        else:
            is_admitted = may(state, _EVENTS.get(api_key, SaslEvent.OTHER))
        # A peer that needs no SASL is told so by an answer; any other has broken the order.
        if not is_admitted and not (state is SaslState.OPEN and api_key in _SASL_APIS):
            self._state = SaslState.ENDED
            return False
        return True

    async def handshake(self, request: SaslHandshakeRequest) -> SaslHandshakeResponse:
        """Begin an exchange."""
        if self._state is SaslState.OPEN:
            return SaslHandshakeResponse(error_code=ErrorCode.ILLEGAL_SASL_STATE)
        mechanism = self._mechanisms.get(request.mechanism)
        is_other = self._state is not SaslState.NEW and request.mechanism != self._mechanism
        event = SaslEvent.UNKNOWN_MECHANISM if mechanism is None or is_other else SaslEvent.HANDSHAKE
        self._state = after(self.state, event)
        if mechanism is None or self._state is SaslState.ENDED:
            self._audit.login_failed(self.host, request.mechanism, "the mechanism is not offered")
            code = ErrorCode.UNSUPPORTED_SASL_MECHANISM
            return SaslHandshakeResponse(error_code=code, mechanisms=list(self._mechanisms))
        self._mechanism = request.mechanism
        self._exchange = mechanism.begin()
        return SaslHandshakeResponse(mechanisms=list(self._mechanisms))

    async def authenticate(self, request: SaslAuthenticateRequest) -> SaslAuthenticateResponse:
        """Take the exchange one message further."""
        if self._exchange is None:
            return SaslAuthenticateResponse(
                error_code=ErrorCode.ILLEGAL_SASL_STATE,
                error_message="there is nothing to authenticate by here",
            )
        outcome = self._judged(await self._exchange.respond(request.auth_bytes))
        if isinstance(outcome, Continued):
            self._state = after(self._state, SaslEvent.CONTINUED)
            return SaslAuthenticateResponse(auth_bytes=Secret(outcome.message))
        self._exchange = None
        if isinstance(outcome, Failed):
            return await self._failed(outcome)
        self._state = after(self._state, SaslEvent.PROVEN)
        self.principal = f"User:{outcome.user}"
        lifetime_ms = self._begin_session(outcome)
        self._audit.logged_in(self.principal, self.host, self._mechanism)
        return SaslAuthenticateResponse(auth_bytes=Secret(outcome.message), session_lifetime_ms=lifetime_ms)

    def _judged(self, outcome: Outcome) -> Outcome:
        """What the mechanism says, unless the connection itself speaks against it."""
        if not isinstance(outcome, Proven):
            return outcome
        is_again = self._state is SaslState.EXCHANGING_AGAIN
        if is_again and f"User:{outcome.user}" != self.principal:
            return Failed(f"{self.principal} authenticates again as user {outcome.user!r}")
        if outcome.expires_ms is not None and outcome.expires_ms <= self._clock.now_ms():
            return Failed(f"user {outcome.user!r}: what proves it has expired")
        return outcome

    async def _failed(self, outcome: Failed) -> SaslAuthenticateResponse:
        self._state = after(self._state, SaslEvent.FAILED)
        self._audit.login_failed(self.host, self._mechanism, outcome.reason)
        await sleep(self._clock, FAILURE_DELAY_MS)
        return SaslAuthenticateResponse(
            error_code=ErrorCode.SASL_AUTHENTICATION_FAILED,
            error_message=f"authentication by {self._mechanism} failed",
        )

    def _begin_session(self, proven: Proven) -> int:
        """How long the session lasts in milliseconds; 0 if it does not end by itself."""
        ends = [self._session_max_ms] if self._session_max_ms else []
        if proven.expires_ms is not None:
            ends.append(proven.expires_ms - self._clock.now_ms())
        lifetime_ms = min(ends, default=0)
        self._expires_ms = self._clock.monotonic_ms() + lifetime_ms if lifetime_ms else None
        return lifetime_ms
