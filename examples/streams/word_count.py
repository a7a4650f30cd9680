"""Word count: lines in, how often each word has come out.

python word_count.py send lines 'all streams lead to Kafka'
python word_count.py worker   # until Ctrl-C: a data directory has one owner
streamz console-consumer --topic word-counts --from-beginning --property print.key=true
"""

from __future__ import annotations

from streamz_core import App

app = App("word-count", broker="file://./data")

words = (
    app.stream("lines", value_type=str)
    .flat_map_values(lambda line: line.lower().split(), value_type=str)
    .group_by(lambda _, word: word, "words", key_type=str, value_type=str)
)
words.count("counts").to_stream().to("word-counts")

if __name__ == "__main__":
    app.main()
