"""Counts page views per page and minute. Run it: python examples/01_views.py worker -l info
and, in another terminal while it is stopped: python examples/01_views.py send views '{"user": "ann", "page": "/"}'
"""

from streamz_core import App, Record


class View(Record):
    user: str
    page: str


app = App("views", broker="file://./data")
topic = app.topic("views", value_type=View)
counts = app.Table("counts", default=int).tumbling(60)


@app.agent(topic)
async def count(stream):
    async for view in stream:
        counts[view.page] += 1


@app.timer(10)
async def report():
    print(dict(counts.items()))


if __name__ == "__main__":
    app.main()
