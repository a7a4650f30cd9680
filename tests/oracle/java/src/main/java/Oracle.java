// Runs topologies, given as JSON, with Kafka Streams' own TopologyTestDriver, and prints what comes out.
// One case a line on standard input, the same case with its outputs a line on standard output.
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeSet;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.TestInputTopic;
import org.apache.kafka.streams.TestOutputTopic;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.kstream.*;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.processor.api.ContextualFixedKeyProcessor;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.FixedKeyRecord;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.SessionStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;
import org.apache.kafka.streams.state.WindowStore;
import org.apache.kafka.streams.test.TestRecord;

public class Oracle {
    static final ObjectMapper JSON = new ObjectMapper();

    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, "UTF-8"));
        PrintStream out = new PrintStream(System.out, false, "UTF-8");
        String line;
        while ((line = in.readLine()) != null) {
            ObjectNode given = (ObjectNode) JSON.readTree(line);
            try {
                new Run(given).run();
            } catch (Exception error) {
                given.put("error", error.toString());
            }
            out.println(JSON.writeValueAsString(given));
        }
        out.flush();
    }
}

class Run {
    // By default a store forgets a window that stream time jumps past before it was read to be emitted.
    static final Duration KEPT = Duration.ofDays(1);
    static final Duration HISTORY = Duration.ofHours(1);
    final ObjectNode given;
    final boolean caching;
    final StreamsBuilder builder = new StreamsBuilder();
    final Map<String, Object> made = new HashMap<>();
    final TreeSet<String> outputs = new TreeSet<>();

    Run(ObjectNode given) {
        this.given = given;
        this.caching = given.path("caching").asBoolean(false);
    }

    void run() {
        for (JsonNode step : given.get("steps")) {
            Object result = build(step);
            if (step.has("id")) {
                made.put(step.get("id").asText(), result);
            }
        }
        Properties config = new Properties();
        config.put(StreamsConfig.APPLICATION_ID_CONFIG, "oracle");
        config.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, "none:1");
        config.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
        config.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
        config.put(StreamsConfig.STATE_DIR_CONFIG, System.getProperty("java.io.tmpdir") + "/oracle-state");
        // Results that wait for a window's end are not throttled by the wall clock.
        config.put("__emit.interval.ms.kstreams.outer.join.spurious.results.fix__", 0L);
        config.put("__emit.interval.ms.kstreams.windowed.aggregation__", 0L);
        try (TopologyTestDriver driver = new TopologyTestDriver(builder.build(), config, Instant.ofEpochMilli(1_000_000))) {
            pipe(driver);
            ObjectNode found = given.putObject("outputs");
            for (String topic : outputs) {
                read(driver, topic, found.putArray(topic));
            }
        }
    }

    void pipe(TopologyTestDriver driver) {
        Map<String, TestInputTopic<String, String>> topics = new HashMap<>();
        int number = 0;
        for (JsonNode record : given.get("records")) {
            RecordHeaders headers = new RecordHeaders();
            headers.add("number", String.valueOf(number++).getBytes());
            TestInputTopic<String, String> topic = topics.computeIfAbsent(
                record.get(0).asText(),
                name -> driver.createInputTopic(name, new StringSerializer(), new StringSerializer()));
            topic.pipeInput(new TestRecord<>(
                text(record.get(1)), text(record.get(2)), headers, record.get(3).asLong()));
        }
    }

    void read(TopologyTestDriver driver, String name, ArrayNode rows) {
        TestOutputTopic<String, String> topic =
            driver.createOutputTopic(name, new StringDeserializer(), new StringDeserializer());
        while (!topic.isEmpty()) {
            TestRecord<String, String> record = topic.readRecord();
            ArrayNode row = rows.addArray();
            row.add(record.key());
            row.add(record.value());
            row.add(record.timestamp());
            org.apache.kafka.common.header.Header number = record.headers().lastHeader("number");
            row.add(number == null ? null : new String(number.value()));
        }
    }

    static String text(JsonNode node) {
        return node == null || node.isNull() ? null : node.asText();
    }

    // -- functions: the same as in topology.py ------------------------------------------------------

    static String shown(String value) {
        return value == null ? "-" : value;
    }

    static Predicate<String, String> predicate(String name) {
        switch (name) {
            case "value_high": return (k, v) -> v != null && v.compareTo("m") > 0;
            case "key_low": return (k, v) -> k != null && k.compareTo("c") < 0;
            case "short": return (k, v) -> v == null || (v.length() > 0 && v.length() < 4);
            default: throw new IllegalArgumentException(name);
        }
    }

    static ValueMapper<String, String> mapper(String name) {
        switch (name) {
            case "upper": return v -> v == null ? null : v.toUpperCase();
            case "mark": return v -> shown(v) + "x";
            case "drop_b": return v -> v == null || v.startsWith("b") ? null : v;
            default: throw new IllegalArgumentException(name);
        }
    }

    static String first(String value) {
        return value == null || value.isEmpty() ? null : value.substring(0, 1);
    }

    static String joined(String left, String right) {
        return shown(left) + "+" + shown(right);
    }

    static Aggregator<Object, String, String> adder() {
        return (k, v, total) -> "!".equals(v) ? null : total + "," + shown(v);
    }

    static Reducer<String> reducer() {
        return (old, value) -> old + "." + value;
    }

    // -- steps ---------------------------------------------------------------------------------------

    @SuppressWarnings("unchecked")
    <T> T in(JsonNode step, String name) {
        return (T) made.get(step.get(name).asText());
    }

    <S extends org.apache.kafka.streams.processor.StateStore> Materialized<String, String, S> store(JsonNode step) {
        Materialized<String, String, S> as = Materialized.<String, String, S>as(step.get("store").asText())
            .withKeySerde(Serdes.String()).withValueSerde(Serdes.String()).withRetention(KEPT);
        return caching ? as.withCachingEnabled() : as.withCachingDisabled();
    }

    <S extends org.apache.kafka.streams.processor.StateStore> Materialized<String, Long, S> counts(JsonNode step) {
        Materialized<String, Long, S> as = Materialized.<String, Long, S>as(step.get("store").asText())
            .withKeySerde(Serdes.String()).withValueSerde(Serdes.Long()).withRetention(KEPT);
        return caching ? as.withCachingEnabled() : as.withCachingDisabled();
    }

    static String number(Long count) {
        return count == null ? null : count.toString();
    }

    static String windowed(Windowed<String> key) {
        return key.key() + "@" + key.window().start() + "/" + key.window().end();
    }

    Object build(JsonNode step) {
        String op = step.get("op").asText();
        switch (op) {
            case "stream": return builder.stream(step.get("topic").asText(), Consumed.with(Serdes.String(), Serdes.String()));
            case "table": return builder.table(step.get("topic").asText(), Consumed.with(Serdes.String(), Serdes.String()), this.<KeyValueStore<Bytes, byte[]>>store(step));
            case "global_table": return builder.globalTable(step.get("topic").asText(), Consumed.with(Serdes.String(), Serdes.String()), Materialized.<String, String, KeyValueStore<Bytes, byte[]>>as(step.get("store").asText()));
            case "versioned_table": return builder.table(step.get("topic").asText(), Consumed.with(Serdes.String(), Serdes.String()),
                Materialized.<String, String>as(Stores.persistentVersionedKeyValueStore(step.get("store").asText(), HISTORY)));
            case "global_store": {
                String name = step.get("store").asText();
                builder.addGlobalStore(
                    Stores.keyValueStoreBuilder(Stores.inMemoryKeyValueStore(name), Serdes.String(), Serdes.String()).withLoggingDisabled(),
                    step.get("topic").asText(), Consumed.with(Serdes.String(), Serdes.String()), () -> new Remembering(name));
                return name;
            }
            case "filter": return this.<KStream<String, String>>in(step, "in").filter(predicate(step.get("fn").asText()));
            case "filter_not": return this.<KStream<String, String>>in(step, "in").filterNot(predicate(step.get("fn").asText()));
            case "map_values": return this.<KStream<String, String>>in(step, "in").mapValues(mapper(step.get("fn").asText()));
            case "map": return this.<KStream<String, String>>in(step, "in").map((k, v) -> KeyValue.pair(first(v), shown(k) + shown(v)));
            case "flat_map": return this.<KStream<String, String>>in(step, "in").flatMap((k, v) -> {
                List<KeyValue<String, String>> pairs = new ArrayList<>();
                pairs.add(KeyValue.pair(k, v));
                pairs.add(KeyValue.pair(first(v), shown(v) + "2"));
                return pairs;
            });
            case "flat_map_values": return this.<KStream<String, String>>in(step, "in").flatMapValues(v -> {
                List<String> values = new ArrayList<>();
                if (v != null) {
                    for (String part : v.split("")) {
                        values.add(part);
                    }
                }
                return values;
            });
            case "select_key": return this.<KStream<String, String>>in(step, "in").selectKey((k, v) -> first(v));
            case "merge": return this.<KStream<String, String>>in(step, "in").merge(this.<KStream<String, String>>in(step, "other"));
            case "branch": {
                Map<String, KStream<String, String>> branches = this.<KStream<String, String>>in(step, "in").split(Named.as(step.get("id").asText() + "-"))
                    .branch(predicate("value_high"), Branched.as("one"))
                    .branch(predicate("key_low"), Branched.as("two"))
                    .noDefaultBranch();
                made.put(step.get("id").asText() + "-two", branches.get(step.get("id").asText() + "-two"));
                return branches.get(step.get("id").asText() + "-one");
            }
            case "branch_default": {
                Map<String, KStream<String, String>> branches = this.<KStream<String, String>>in(step, "in").split(Named.as(step.get("id").asText() + "-"))
                    .branch(predicate("short"), Branched.as("one"))
                    .defaultBranch(Branched.as("two"));
                made.put(step.get("id").asText() + "-two", branches.get(step.get("id").asText() + "-two"));
                return branches.get(step.get("id").asText() + "-one");
            }
            case "map_values_with_key": return this.<KStream<String, String>>in(step, "in").mapValues((k, v) -> withKey(k, v));
            case "flat_map_values_with_key": return this.<KStream<String, String>>in(step, "in").flatMapValues((k, v) -> v == null ? List.<String>of() : List.of(shown(k), v));
            case "peek": return this.<KStream<String, String>>in(step, "in").peek((k, v) -> { });
            case "through": {
                String between = step.get("topic").asText();
                this.<KStream<String, String>>in(step, "in").to(between, Produced.with(Serdes.String(), Serdes.String()));
                return builder.stream(between, Consumed.with(Serdes.String(), Serdes.String()));
            }
            case "process": {
                String name = step.get("store").asText();
                builder.addStateStore(texts(name));
                return this.<KStream<String, String>>in(step, "in").process(() -> new Before(name), name);
            }
            case "process_values": {
                String name = step.get("store").asText();
                builder.addStateStore(texts(name));
                return this.<KStream<String, String>>in(step, "in").processValues(() -> new Numbered(name), name);
            }
            case "process_global": {
                String name = in(step, "other");
                return this.<KStream<String, String>>in(step, "in").processValues(() -> new Recalling(name));
            }
            case "repartition": return this.<KStream<String, String>>in(step, "in").repartition(Repartitioned.<String, String>as(step.get("name").asText()).withKeySerde(Serdes.String()).withValueSerde(Serdes.String()));
            case "to_table": return this.<KStream<String, String>>in(step, "in").toTable(this.<KeyValueStore<Bytes, byte[]>>store(step));
            case "group_by_key": return this.<KStream<String, String>>in(step, "in").groupByKey(Grouped.with(step.get("name").asText(), Serdes.String(), Serdes.String()));
            case "group_by": return this.<KStream<String, String>>in(step, "in").groupBy((k, v) -> first(v), Grouped.with(step.get("name").asText(), Serdes.String(), Serdes.String()));
            case "count": return this.<KGroupedStream<String, String>>in(step, "in").count(this.<KeyValueStore<Bytes, byte[]>>counts(step)).mapValues(Run::number);
            case "reduce": return this.<KGroupedStream<String, String>>in(step, "in").reduce(reducer(), this.<KeyValueStore<Bytes, byte[]>>store(step));
            case "aggregate": return this.<KGroupedStream<String, String>>in(step, "in").aggregate(() -> "", adder(), this.<KeyValueStore<Bytes, byte[]>>store(step));
            case "cogroup": return cogrouped(step).aggregate(() -> "", this.<KeyValueStore<Bytes, byte[]>>store(step));
            case "window_cogroup":
            case "sliding_cogroup": {
                Duration size = Duration.ofMillis(step.get("size").asLong());
                Duration grace = Duration.ofMillis(step.get("grace").asLong());
                TimeWindowedCogroupedKStream<String, String> windowed = step.path("sliding").asBoolean(false)
                    ? cogrouped(step).windowedBy(SlidingWindows.ofTimeDifferenceAndGrace(size, grace))
                    : cogrouped(step).windowedBy(TimeWindows.ofSizeAndGrace(size, grace).advanceBy(Duration.ofMillis(step.get("advance").asLong())));
                return windowed.aggregate(() -> "", this.<WindowStore<Bytes, byte[]>>store(step));
            }
            case "session_cogroup": return cogrouped(step)
                .windowedBy(SessionWindows.ofInactivityGapAndGrace(Duration.ofMillis(step.get("gap").asLong()), Duration.ofMillis(step.get("grace").asLong())))
                .aggregate(() -> "", (k, a, b) -> a + "/" + b, this.<SessionStore<Bytes, byte[]>>store(step));
            case "unlimited_count": return this.<KGroupedStream<String, String>>in(step, "in")
                .windowedBy(UnlimitedWindows.of().startOn(Instant.ofEpochMilli(step.get("start").asLong())))
                .count(this.<WindowStore<Bytes, byte[]>>counts(step).withRetention(Duration.ofMillis(Long.MAX_VALUE))).mapValues(Run::number);
            case "window_count": return window(step).count(this.<WindowStore<Bytes, byte[]>>counts(step)).mapValues(Run::number);
            case "window_reduce": return window(step).reduce(reducer(), this.<WindowStore<Bytes, byte[]>>store(step));
            case "window_aggregate": return window(step).aggregate(() -> "", adder(), this.<WindowStore<Bytes, byte[]>>store(step));
            case "session_count": return sessions(step).count(this.<SessionStore<Bytes, byte[]>>counts(step)).mapValues(Run::number);
            case "session_reduce": return sessions(step).reduce(reducer(), this.<SessionStore<Bytes, byte[]>>store(step));
            case "session_aggregate": return sessions(step).aggregate(() -> "", adder(), (k, a, b) -> a + "/" + b, this.<SessionStore<Bytes, byte[]>>store(step));
            case "suppress_closes": return this.<KTable<Windowed<String>, String>>in(step, "in").suppress(Suppressed.untilWindowCloses(Suppressed.BufferConfig.unbounded()).withName(step.get("name").asText()));
            case "suppress_limit": return this.<KTable<String, String>>in(step, "in").suppress(Suppressed.untilTimeLimit(Duration.ofMillis(step.get("limit").asLong()), Suppressed.BufferConfig.maxRecords(step.get("records").asLong())).withName(step.get("name").asText()));
            case "window_stream": return this.<KTable<Windowed<String>, String>>in(step, "in").toStream((k, v) -> windowed(k));
            case "table_filter": return this.<KTable<Object, String>>in(step, "in").filter((k, v) -> predicate(step.get("fn").asText()).test(null, v));
            case "table_filter_not": return this.<KTable<Object, String>>in(step, "in").filterNot((k, v) -> predicate(step.get("fn").asText()).test(null, v));
            case "table_map_values": return this.<KTable<Object, String>>in(step, "in").mapValues(mapper(step.get("fn").asText()));
            case "table_map_values_kept": return this.<KTable<String, String>>in(step, "in").mapValues(mapper(step.get("fn").asText()), this.<KeyValueStore<Bytes, byte[]>>store(step));
            case "table_filter_kept": return this.<KTable<String, String>>in(step, "in").filter((k, v) -> predicate(step.get("fn").asText()).test(null, v), this.<KeyValueStore<Bytes, byte[]>>store(step));
            case "table_map_values_with_key": return this.<KTable<Object, String>>in(step, "in").mapValues((k, v) -> v == null ? null : withKey(k, v));
            case "table_transform_values": return this.<KTable<String, String>>in(step, "in").transformValues(() -> new Marking(), this.<KeyValueStore<Bytes, byte[]>>store(step));
            case "versioned_filter": return this.<KTable<String, String>>in(step, "in").filter((k, v) -> predicate(step.get("fn").asText()).test(null, v));
            case "versioned_reduce": return this.<KTable<String, String>>in(step, "in")
                .groupBy((k, v) -> KeyValue.pair(first(v), v), Grouped.with(step.get("name").asText(), Serdes.String(), Serdes.String()))
                .reduce((t, v) -> t + "+" + v, (t, v) -> t + "-" + v, this.<KeyValueStore<Bytes, byte[]>>store(step));
            case "table_group": return this.<KTable<String, String>>in(step, "in").groupBy((k, v) -> KeyValue.pair(first(v), v), Grouped.with(step.get("name").asText(), Serdes.String(), Serdes.String()));
            case "grouped_table_count": return this.<KGroupedTable<String, String>>in(step, "in").count(this.<KeyValueStore<Bytes, byte[]>>counts(step)).mapValues(Run::number);
            case "grouped_table_reduce": return this.<KGroupedTable<String, String>>in(step, "in").reduce((t, v) -> t + "+" + v, (t, v) -> t + "-" + v, this.<KeyValueStore<Bytes, byte[]>>store(step));
            case "grouped_table_aggregate": return this.<KGroupedTable<String, String>>in(step, "in").aggregate(() -> "", (k, v, t) -> t + "+" + v, (k, v, t) -> t + "-" + v, this.<KeyValueStore<Bytes, byte[]>>store(step));
            case "to_stream": return this.<KTable<String, String>>in(step, "in").toStream();
            case "stream_join":
            case "stream_self_join": return streamJoin(step);
            case "stream_versioned_join": {
                KStream<String, String> stream = in(step, "in");
                KTable<String, String> table = in(step, "other");
                Joined<String, String, String> how = Joined.with(Serdes.String(), Serdes.String(), Serdes.String(), step.get("name").asText());
                if (step.get("wait").asLong() > 0) {
                    how = how.withGracePeriod(Duration.ofMillis(step.get("wait").asLong()));
                }
                return step.get("how").asText().equals("inner") ? stream.join(table, Run::joined, how) : stream.leftJoin(table, Run::joined, how);
            }
            case "stream_table_join": {
                KStream<String, String> stream = in(step, "in");
                KTable<String, String> table = in(step, "other");
                Joined<String, String, String> how = Joined.with(Serdes.String(), Serdes.String(), Serdes.String(), step.get("name").asText());
                return step.get("how").asText().equals("inner") ? stream.join(table, Run::joined, how) : stream.leftJoin(table, Run::joined, how);
            }
            case "stream_global_join": {
                KStream<String, String> stream = in(step, "in");
                GlobalKTable<String, String> table = in(step, "other");
                KeyValueMapper<String, String, String> key = (k, v) -> first(v);
                return step.get("how").asText().equals("inner") ? stream.join(table, key, Run::joined) : stream.leftJoin(table, key, Run::joined);
            }
            case "versioned_table_join":
            case "table_join": {
                KTable<String, String> left = in(step, "in");
                KTable<String, String> right = in(step, "other");
                ValueJoiner<String, String, String> joiner = Run::joined;
                boolean kept = step.has("store");
                switch (step.get("how").asText()) {
                    case "inner": return kept ? left.join(right, joiner, this.<KeyValueStore<Bytes, byte[]>>store(step)) : left.join(right, joiner);
                    case "left": return kept ? left.leftJoin(right, joiner, this.<KeyValueStore<Bytes, byte[]>>store(step)) : left.leftJoin(right, joiner);
                    default: return kept ? left.outerJoin(right, joiner, this.<KeyValueStore<Bytes, byte[]>>store(step)) : left.outerJoin(right, joiner);
                }
            }
            case "table_join_with_key": {
                KTable<String, String> left = in(step, "in");
                KTable<String, String> right = in(step, "other");
                // Tables' joins have no joiner with the key; a mapper behind them has.
                boolean kept = step.has("store");
                ValueJoiner<String, String, String> joiner = Run::joined;
                KTable<String, String> plain;
                switch (step.get("how").asText()) {
                    case "inner": plain = left.join(right, joiner); break;
                    case "left": plain = left.leftJoin(right, joiner); break;
                    default: plain = left.outerJoin(right, joiner);
                }
                ValueMapperWithKey<String, String, String> mapper = (k, v) -> v == null ? null : withKey(k, v);
                return kept ? plain.mapValues(mapper, this.<KeyValueStore<Bytes, byte[]>>store(step)) : plain.mapValues(mapper);
            }
            case "foreign_key_of_both_join": {
                KTable<String, String> left = in(step, "in");
                KTable<String, String> right = in(step, "other");
                ValueJoiner<String, String, String> joiner = Run::joined;
                TableJoined<String, String> how = TableJoined.as(step.get("name").asText());
                java.util.function.BiFunction<String, String, String> extractor = (k, v) -> first(v);
                KTable<String, String> plain = step.get("how").asText().equals("inner")
                    ? left.<String, String, String>join(right, extractor, joiner, how, this.<KeyValueStore<Bytes, byte[]>>store(step))
                    : left.<String, String, String>leftJoin(right, extractor, joiner, how, this.<KeyValueStore<Bytes, byte[]>>store(step));
                return plain.mapValues((k, v) -> v == null ? null : withKey(k, v));
            }
            case "versioned_foreign_key_join":
            case "foreign_key_join": {
                KTable<String, String> left = in(step, "in");
                KTable<String, String> right = in(step, "other");
                ValueJoiner<String, String, String> joiner = Run::joined;
                TableJoined<String, String> how = TableJoined.as(step.get("name").asText());
                return step.get("how").asText().equals("inner")
                    ? left.<String, String, String>join(right, v -> first(v), joiner, how, this.<KeyValueStore<Bytes, byte[]>>store(step))
                    : left.<String, String, String>leftJoin(right, v -> first(v), joiner, how, this.<KeyValueStore<Bytes, byte[]>>store(step));
            }
            case "to": {
                outputs.add(step.get("topic").asText());
                this.<KStream<String, String>>in(step, "in").to(step.get("topic").asText(), Produced.with(Serdes.String(), Serdes.String()));
                return null;
            }
            case "to_chosen": {
                String topic = step.get("topic").asText();
                outputs.add(topic + "-high");
                outputs.add(topic + "-low");
                this.<KStream<String, String>>in(step, "in").to(
                    (k, v, context) -> topic + (v != null && v.compareTo("m") > 0 ? "-high" : "-low"), Produced.with(Serdes.String(), Serdes.String()));
                return null;
            }
            default: throw new IllegalArgumentException(op);
        }
    }

    CogroupedKStream<String, String> cogrouped(JsonNode step) {
        return this.<KGroupedStream<String, String>>in(step, "in").<String>cogroup((k, v, t) -> t + "a" + shown(v))
            .cogroup(this.<KGroupedStream<String, String>>in(step, "other"), (k, v, t) -> "!".equals(v) ? null : t + "b" + shown(v));
    }

    static StoreBuilder<KeyValueStore<String, String>> texts(String name) {
        return Stores.keyValueStoreBuilder(Stores.inMemoryKeyValueStore(name), Serdes.String(), Serdes.String());
    }

    static String withKey(Object key, String value) {
        return shown(key == null ? null : key.toString()) + "~" + shown(value);
    }

    TimeWindowedKStream<String, String> window(JsonNode step) {
        KGroupedStream<String, String> grouped = in(step, "in");
        Duration size = Duration.ofMillis(step.get("size").asLong());
        Duration grace = Duration.ofMillis(step.get("grace").asLong());
        TimeWindowedKStream<String, String> windowed;
        if (step.path("sliding").asBoolean(false)) {
            windowed = grouped.windowedBy(SlidingWindows.ofTimeDifferenceAndGrace(size, grace));
        } else {
            windowed = grouped.windowedBy(TimeWindows.ofSizeAndGrace(size, grace).advanceBy(Duration.ofMillis(step.get("advance").asLong())));
        }
        return step.path("final").asBoolean(false) ? windowed.emitStrategy(EmitStrategy.onWindowClose()) : windowed;
    }

    SessionWindowedKStream<String, String> sessions(JsonNode step) {
        KGroupedStream<String, String> grouped = in(step, "in");
        SessionWindowedKStream<String, String> windowed = grouped.windowedBy(
            SessionWindows.ofInactivityGapAndGrace(Duration.ofMillis(step.get("gap").asLong()), Duration.ofMillis(step.get("grace").asLong())));
        return step.path("final").asBoolean(false) ? windowed.emitStrategy(EmitStrategy.onWindowClose()) : windowed;
    }

    Object streamJoin(JsonNode step) {
        KStream<String, String> left = in(step, "in");
        KStream<String, String> right = in(step, "other");
        JoinWindows windows = JoinWindows.ofTimeDifferenceAndGrace(Duration.ofMillis(0), Duration.ofMillis(step.get("grace").asLong()))
            .before(Duration.ofMillis(step.get("before").asLong())).after(Duration.ofMillis(step.get("after").asLong()));
        StreamJoined<String, String, String> how = StreamJoined.with(Serdes.String(), Serdes.String(), Serdes.String())
            .withName(step.get("name").asText()).withStoreName(step.get("name").asText());
        switch (step.get("how").asText()) {
            case "inner": return left.join(right, Run::joined, windows, how);
            case "left": return left.leftJoin(right, Run::joined, windows, how);
            default: return left.outerJoin(right, Run::joined, windows, how);
        }
    }
}

// -- processors: the same as in topology.py -----------------------------------------------------------

class Before extends ContextualProcessor<String, String, String, String> {
    final String store;

    Before(String store) {
        this.store = store;
    }

    @Override
    public void process(Record<String, String> record) {
        if (record.key() == null) {
            context().forward(record.withValue("keyless"));
            return;
        }
        KeyValueStore<String, String> kept = context().getStateStore(store);
        String before = kept.get(record.key());
        kept.put(record.key(), (before == null ? "" : before) + Run.shown(record.value()));
        context().forward(record.withValue(Run.shown(before) + "<" + Run.shown(record.value())));
        if (Run.predicate("value_high").test(record.key(), record.value())) {
            context().forward(record.withKey(Run.first(record.value())).withTimestamp(record.timestamp() + 1));
        }
    }
}

class Numbered extends ContextualFixedKeyProcessor<String, String, String> {
    final String store;

    Numbered(String store) {
        this.store = store;
    }

    @Override
    public void process(FixedKeyRecord<String, String> record) {
        KeyValueStore<String, String> kept = context().getStateStore(store);
        String found = kept.get(Run.shown(record.key()));
        int number = (found == null ? 0 : Integer.parseInt(found)) + 1;
        kept.put(Run.shown(record.key()), String.valueOf(number));
        context().forward(record.withValue(number + ":" + Run.shown(record.value())));
    }
}

class Remembering extends ContextualProcessor<String, String, Void, Void> {
    final String store;

    Remembering(String store) {
        this.store = store;
    }

    @Override
    public void process(Record<String, String> record) {
        String first = Run.first(record.value());
        if (first != null) {
            KeyValueStore<String, String> kept = context().getStateStore(store);
            kept.put(first, Run.withKey(record.key(), record.value()));
        }
    }
}

class Recalling extends ContextualFixedKeyProcessor<String, String, String> {
    final String store;

    Recalling(String store) {
        this.store = store;
    }

    @Override
    public void process(FixedKeyRecord<String, String> record) {
        org.apache.kafka.streams.state.ReadOnlyKeyValueStore<String, String> kept = context().getStateStore(store);
        String first = Run.first(record.value());
        context().forward(record.withValue(Run.joined(record.value(), first == null ? null : kept.get(first))));
    }
}

class Marking implements ValueTransformerWithKey<String, String, String> {
    @Override
    public void init(org.apache.kafka.streams.processor.ProcessorContext context) {
    }

    @Override
    public String transform(String key, String value) {
        return value == null ? null : Run.withKey(key, value);
    }

    @Override
    public void close() {
    }
}
