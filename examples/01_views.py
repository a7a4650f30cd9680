"""Counts page views per page and minute.

python examples/01_views.py send views '{"user": "ann", "page": "/"}'
python examples/01_views.py worker -l info
"""

from streamz_core import App, Record

app = App("views", broker="file://./data")


class View(Record):
    user: str
    page: str


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
