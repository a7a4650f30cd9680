"""Page views by region, in tumbling minutes: a stream joined with a table, then counted in windows."""

from __future__ import annotations

from datetime import timedelta

from streamz_core import App, Record
from streamz_core.streams import Grouped, TimeWindows

app = App("page-views", broker="file://./data")


class View(Record):
    page: str


class Profile(Record):
    region: str


profiles = app.table("profiles", key_type=str, value_type=Profile)
views = app.stream("views", key_type=str, value_type=View)

by_region = views.left_join(
    profiles, lambda view, profile: "unknown" if profile is None else profile.region, value_type=str
)
counts = (
    by_region.group_by(lambda user, region: region, Grouped("regions", key_type=str, value_type=str))
    .windowed_by(TimeWindows.of_size_and_grace(timedelta(minutes=1), timedelta(seconds=10)))
    .count("views-by-region")
)
counts.to_stream(lambda key, count: f"{key.key} {key.window.start}").to("region-views")

if __name__ == "__main__":
    app.main()
