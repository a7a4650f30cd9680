"""Failed logins, by session: three or more without five quiet minutes between them are an anomaly, told at once."""

from __future__ import annotations

from datetime import timedelta

from streamz_core import App, Record
from streamz_core.streams import Materialized, SessionWindows

app = App("logins", broker="file://./data")


class Attempt(Record):
    succeeded: bool
    address: str


attempts = app.stream("login-attempts", key_type=str, value_type=Attempt)
failures = (
    attempts.filter_not(lambda user, attempt: attempt.succeeded)
    .group_by_key()
    .windowed_by(SessionWindows.of_inactivity_gap_and_grace(timedelta(minutes=5), timedelta(seconds=30)))
    .count(Materialized("failures-by-session"))
)
# Sessions that grew together have no count of their own any more.
failures.to_stream(lambda session, count: session.key).filter(
    lambda user, count: count is not None and count >= 3
).to("anomalies", key_type=str, value_type=int)

if __name__ == "__main__":
    app.main()
