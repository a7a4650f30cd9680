"""The three most played songs of every genre: a count by song, grouped by genre, kept up to date as counts change."""

from __future__ import annotations

from streamz_core import App, Record
from streamz_core.streams import Grouped, Materialized

app = App("charts", broker="file://./data")
TOP = 3


class Song(Record):
    title: str
    genre: str


class Play(Record):
    genre: str
    title: str
    plays: int


songs = app.table("songs", key_type=str, value_type=Song)
plays = app.stream("plays", key_type=str, value_type=str)  # the song's id, and who listened

counted = plays.group_by_key().count("plays-by-song")
titled = counted.join(
    songs,
    lambda count, song: Play(genre=song.genre, title=song.title, plays=count),
    Materialized("titled-plays", value_type=Play),
)


def entered(_genre: str, play: Play, chart: dict[str, int]) -> dict[str, int]:
    """A song's new count."""
    return {**chart, play.title: play.plays}


def left(_genre: str, play: Play, chart: dict[str, int]) -> dict[str, int]:
    """A song's count before, taken out."""
    return {title: count for title, count in chart.items() if title != play.title}


charts = titled.group_by(
    lambda song, play: (play.genre, play), Grouped("genres", key_type=str, value_type=Play)
).aggregate(dict, entered, left, "charts")
charts.map_values(lambda chart: sorted(chart, key=lambda title: (-chart[title], title))[:TOP]).to_stream().to(
    "top-songs"
)

if __name__ == "__main__":
    app.main()
