import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.function.BooleanSupplier;
import java.util.regex.Pattern;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.SubscriptionPattern;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InvalidRegularExpression;
import org.apache.kafka.common.serialization.StringDeserializer;

/**
 * Members of a group of the consumer protocol (KIP-848) that come, read, commit, go and come back. The argument is the
 * address; {@code t} has four partitions with a record each. Ends with a line per step, or with what went wrong.
 */
public final class Consumers {
    private static final Duration SHORT = Duration.ofMillis(20);
    private final String address;
    private final List<KafkaConsumer<String, String>> open = new ArrayList<>();
    private final Map<TopicPartition, Integer> read = new HashMap<>();

    private Consumers(String address) {
        this.address = address;
    }

    public static void main(String[] args) {
        Consumers all = new Consumers(args[0]);
        all.share();
        all.comeBack();
        all.subscribeByPattern();
        all.restartOneByOne("eager", "org.apache.kafka.clients.consumer.RangeAssignor");
        all.restartOneByOne("cooperative", "org.apache.kafka.clients.consumer.CooperativeStickyAssignor");
    }

    /** Partitions go from one to three members and back, and each record is read once. */
    private void share() {
        KafkaConsumer<String, String> first = join("g", null, "uniform");
        until("one has all", () -> first.assignment().size() == 4 && read.size() == 4);
        first.commitSync();
        KafkaConsumer<String, String> second = join("g", null, "uniform");
        KafkaConsumer<String, String> third = join("g", null, "uniform");
        until("three share", () -> sizes(first, second, third).equals(List.of(1, 1, 2)));
        check("committed", first.committed(Map.of(new TopicPartition("t", 0), 0).keySet())
            .get(new TopicPartition("t", 0)).offset() == 1);
        leave(first);
        leave(third);
        until("one has all again", () -> second.assignment().size() == 4);
        second.commitSync(Map.of(new TopicPartition("t", 1), new OffsetAndMetadata(0, "again")));
        leave(second);
        check("each record was read once", read.values().stream().allMatch(times -> times == 1));
    }

    /** A static member is away for a moment: nobody else gets its partitions. */
    private void comeBack() {
        KafkaConsumer<String, String> first = join("static", "one", "range");
        KafkaConsumer<String, String> second = join("static", "two", "range");
        until("two share", () -> first.assignment().size() == 2 && second.assignment().size() == 2);
        var before = List.copyOf(second.assignment());
        leave(first);
        for (int turn = 0; turn < 25; turn++) {
            second.poll(SHORT);
        }
        check("the other keeps what it has", List.copyOf(second.assignment()).equals(before));
        KafkaConsumer<String, String> again = join("static", "one", "range");
        until("it has its partitions again", () -> again.assignment().size() == 2);
        leave(second);
        leave(again);
    }

    /** The server matches: with RE2's syntax, and topics that come later. */
    private void subscribeByPattern() {
        KafkaConsumer<String, String> consumer = consumer("pattern", null, null);
        consumer.subscribe(new SubscriptionPattern("t|late-[0-9]+"));
        open.add(consumer);
        until("the pattern's topics", () -> consumer.assignment().size() == 4);
        System.out.println("create late-1");
        System.out.flush();
        until("a topic that came later", () -> consumer.assignment().size() == 5);
        leave(consumer);
        KafkaConsumer<String, String> wrong = consumer("pattern", null, null);
        wrong.subscribe(new SubscriptionPattern("("));
        open.add(wrong);
        try {
            until("what is no pattern is refused", () -> false);
            throw new AssertionError("it was taken");
        } catch (InvalidRegularExpression refused) {
            System.out.println("refused");
        }
        open.remove(wrong);
        wrong.close();
        KafkaConsumer<String, String> classic = consumer("pattern", null, null);
        classic.subscribe(Pattern.compile("t.*"));
        open.add(classic);
        until("the client's own pattern", () -> classic.assignment().size() == 4);
        leave(classic);
    }

    /** Members of the classic protocol are restarted with the consumer protocol one by one, and then back. */
    private void restartOneByOne(String group, String assignor) {
        KafkaConsumer<String, String> first = joinClassic(group, assignor);
        KafkaConsumer<String, String> second = joinClassic(group, assignor);
        until(group + ": two classic members", () -> sizes(first, second).equals(List.of(2, 2)));
        leave(first);
        KafkaConsumer<String, String> third = join(group, null, null);
        until(group + ": one of each", () -> sizes(second, third).equals(List.of(2, 2)));
        KafkaConsumer<String, String> fourth = joinClassic(group, assignor);
        until(group + ": two and one", () -> sizes(second, third, fourth).equals(List.of(1, 1, 2)));
        leave(second);
        leave(fourth);
        until(group + ": restarted", () -> third.assignment().size() == 4);
        KafkaConsumer<String, String> fifth = joinClassic(group, assignor);
        until(group + ": one of each again", () -> sizes(third, fifth).equals(List.of(2, 2)));
        leave(third);
        until(group + ": and back", () -> fifth.assignment().size() == 4);
        leave(fifth);
    }

    private KafkaConsumer<String, String> joinClassic(String group, String assignor) {
        Properties settings = settings(group);
        settings.put(ConsumerConfig.GROUP_PROTOCOL_CONFIG, "classic");
        settings.put(ConsumerConfig.PARTITION_ASSIGNMENT_STRATEGY_CONFIG, assignor);
        settings.put(ConsumerConfig.HEARTBEAT_INTERVAL_MS_CONFIG, 100);
        KafkaConsumer<String, String> consumer = new KafkaConsumer<>(settings);
        consumer.subscribe(List.of("t"));
        open.add(consumer);
        return consumer;
    }

    private KafkaConsumer<String, String> join(String group, String instance, String assignor) {
        KafkaConsumer<String, String> consumer = consumer(group, instance, assignor);
        consumer.subscribe(List.of("t"));
        open.add(consumer);
        return consumer;
    }

    private KafkaConsumer<String, String> consumer(String group, String instance, String assignor) {
        Properties settings = settings(group);
        settings.put(ConsumerConfig.GROUP_PROTOCOL_CONFIG, "consumer");
        if (instance != null) {
            settings.put(ConsumerConfig.GROUP_INSTANCE_ID_CONFIG, instance);
        }
        if (assignor != null) {
            settings.put(ConsumerConfig.GROUP_REMOTE_ASSIGNOR_CONFIG, assignor);
        }
        return new KafkaConsumer<>(settings);
    }

    private Properties settings(String group) {
        Properties settings = new Properties();
        settings.put(ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, address);
        settings.put(ConsumerConfig.GROUP_ID_CONFIG, group);
        settings.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
        settings.put(ConsumerConfig.FETCH_MAX_WAIT_MS_CONFIG, 50);
        settings.put(ConsumerConfig.METADATA_MAX_AGE_CONFIG, 200);
        settings.put(ConsumerConfig.KEY_DESERIALIZER_CLASS_CONFIG, StringDeserializer.class);
        settings.put(ConsumerConfig.VALUE_DESERIALIZER_CLASS_CONFIG, StringDeserializer.class);
        return settings;
    }

    @SafeVarargs
    private List<Integer> sizes(KafkaConsumer<String, String>... consumers) {
        return java.util.Arrays.stream(consumers).map(one -> one.assignment().size()).sorted().toList();
    }

    private void leave(KafkaConsumer<String, String> consumer) {
        open.remove(consumer);
        consumer.close();
    }

    private void until(String what, BooleanSupplier reached) {
        long end = System.currentTimeMillis() + 60_000;
        while (!reached.getAsBoolean()) {
            if (System.currentTimeMillis() > end) {
                throw new AssertionError("not in a minute: " + what + ": " + open.stream()
                    .map(KafkaConsumer::assignment).toList());
            }
            for (KafkaConsumer<String, String> one : List.copyOf(open)) {
                one.poll(SHORT).forEach(found ->
                    read.merge(new TopicPartition(found.topic(), found.partition()), 1, Integer::sum));
            }
        }
        System.out.println(what);
    }

    private static void check(String what, boolean holds) {
        if (!holds) {
            throw new AssertionError("not so: " + what);
        }
        System.out.println(what);
    }
}
