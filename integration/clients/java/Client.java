// kafka-clients under the contract of ../README.md. Compiled once per client version.
import java.io.FileWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.CommitFailedException;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.RebalanceInProgressException;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

public final class Client {
  private static final int POOL_BYTES = 1 << 20;

  private static int mix(int x) {
    x ^= x >>> 16;
    x *= 0x85EBCA6B;
    x ^= x >>> 13;
    x *= 0xC2B2AE35;
    return x ^ x >>> 16;
  }

  private static byte[] makePool(int seed) {
    byte[] pool = new byte[POOL_BYTES];
    int state = seed;
    for (int at = 0; at < POOL_BYTES; ++at) {
      state = state * 1664525 + 1013904223;
      pool[at] = (byte) (97 + (state >>> 24) % 26);
    }
    return pool;
  }

  private static byte[] text(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static ProducerRecord<byte[], byte[]> makeRecord(
      String topic, byte[] pool, int index, int partitions, int size, int seed, long base) {
    long x = Integer.toUnsignedLong(mix(seed + index * 0x9E3779B1));
    byte[] key = x % 5 == 0 ? null : x % 7 == 0 ? new byte[0] : text("key-" + x % 1000);
    byte[] value = null;
    if (x % 97 != 1 || key == null) {
      int start = (int) ((x >>> 3) % (POOL_BYTES - size));
      value = x % 89 == 1 ? new byte[0] : Arrays.copyOfRange(pool, start, start + 1 + (int) ((x >>> 7) % size));
    }
    List<Header> headers = new ArrayList<>();
    for (int j = 0; j < (x >>> 5) % 3; ++j) {
      long kind = (x >>> (8 + j)) % 4;
      headers.add(new RecordHeader("h" + j, kind == 0 ? null : kind == 1 ? new byte[0] : text("v" + x)));
    }
    return new ProducerRecord<>(topic, index % partitions, base + index, key, value, headers);
  }

  private static void produce(String[] args) throws Exception {
    Properties config = new Properties();
    config.put("bootstrap.servers", args[1]);
    config.put("compression.type", args[6]);
    config.put("linger.ms", "5");
    config.put("batch.size", "65536");
    int partitions = Integer.parseInt(args[3]), count = Integer.parseInt(args[4]), size = Integer.parseInt(args[5]);
    int seed = Integer.parseUnsignedInt(args[7]);
    byte[] pool = makePool(seed);
    List<Future<?>> pending = new ArrayList<>(count);
    try (var producer = new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer())) {
      for (int index = 0; index < count; ++index) {
        pending.add(producer.send(makeRecord(args[2], pool, index, partitions, size, seed, Long.parseLong(args[8]))));
      }
      producer.flush();
      for (Future<?> one : pending) one.get();
    }
  }

  private static final class PartitionDigest {
    final MessageDigest sha;
    long count;

    PartitionDigest() {
      try {
        sha = MessageDigest.getInstance("SHA-256");
      } catch (Exception error) {
        throw new IllegalStateException(error);
      }
    }

    private void field(byte[] data) {
      sha.update(ByteBuffer.allocate(4).putInt(data == null ? -1 : data.length).flip());
      if (data != null) sha.update(data);
    }

    void add(ConsumerRecord<byte[], byte[]> record) {
      ++count;
      sha.update(ByteBuffer.allocate(16).putLong(record.offset()).putLong(record.timestamp()).flip());
      field(record.key());
      field(record.value());
      Header[] headers = record.headers().toArray();
      sha.update(ByteBuffer.allocate(4).putInt(headers.length).flip());
      for (Header header : headers) {
        field(text(header.key()));
        field(header.value());
      }
    }
  }

  private static void consume(String[] args) {
    Properties config = new Properties();
    config.put("bootstrap.servers", args[1]);
    config.put("group.id", args[3]);
    config.put("auto.offset.reset", "earliest");
    config.put("enable.auto.commit", "false");
    config.put("max.poll.records", "5000");
    long count = Long.parseLong(args[4]), seen = 0;
    Map<Integer, PartitionDigest> digest = new TreeMap<>();
    try (var consumer = new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      consumer.subscribe(List.of(args[2]));
      for (int extraPolls = 0; extraPolls < 2; extraPolls += seen >= count ? 1 : 0) {
        for (var record : consumer.poll(Duration.ofMillis(seen >= count ? 300 : 1000))) {
          digest.computeIfAbsent(record.partition(), p -> new PartitionDigest()).add(record);
          ++seen;
        }
      }
      consumer.commitSync();
    }
    digest.forEach((partition, entry) -> System.out.println(
        partition + " " + entry.count + " " + HexFormat.of().formatHex(entry.sha.digest())));
  }

  private static void put(String[] args) throws Exception {
    Properties config = new Properties();
    config.put("bootstrap.servers", args[1]);
    config.put("max.request.size", "33554432");
    try (var producer = new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer())) {
      producer.send(new ProducerRecord<>(args[2], 0, null, Files.readAllBytes(Path.of(args[3])))).get();
    }
  }

  private static void sums(String[] args) throws Exception {
    Properties config = new Properties();
    config.put("bootstrap.servers", args[1]);
    config.put("fetch.max.bytes", "65536");
    config.put("max.partition.fetch.bytes", "65536");
    int count = Integer.parseInt(args[3]);
    try (var consumer = new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      var partition = new TopicPartition(args[2], 0);
      consumer.assign(List.of(partition));
      consumer.seek(partition, 0);
      for (int seen = 0; seen < count; ) {
        for (var record : consumer.poll(Duration.ofSeconds(1))) {
          byte[] sum = MessageDigest.getInstance("SHA-256").digest(record.value());
          System.out.println(record.offset() + " " + HexFormat.of().formatHex(sum));
          ++seen;
        }
      }
    }
  }

  private static void transact(String[] args) {
    Properties config = new Properties();
    config.put("bootstrap.servers", args[1]);
    config.put("transactional.id", "transact");
    config.put("max.block.ms", "30000");
    try (var producer = new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer())) {
      for (Runnable step : List.<Runnable>of(producer::initTransactions, producer::beginTransaction)) {
        try {
          step.run();
          System.out.println("accepted");
        } catch (RuntimeException error) {
          System.out.println(error.getClass().getSimpleName() + ": " + error.getMessage());
        }
      }
    }
  }

  private static final class Journal implements ConsumerRebalanceListener {
    private final FileWriter file;

    Journal(String path) throws IOException {
      file = new FileWriter(path);
    }

    void line(String word, Object rest) {
      try {
        file.write(word + " " + rest + "\n");
        file.flush();
      } catch (IOException error) {
        throw new UncheckedIOException(error);
      }
    }

    private void line(String word, Collection<TopicPartition> partitions) {
      line(word, partitions.stream().map(p -> "" + p.partition()).collect(Collectors.joining(" ")));
    }

    @Override
    public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
      line("assigned", partitions);
    }

    @Override
    public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
      line("revoked", partitions);
    }
  }

  // Commits what was read; a partition that was lost meanwhile is its new owner's.
  private static void commit(
      KafkaConsumer<byte[], byte[]> consumer, Map<TopicPartition, OffsetAndMetadata> ends, Journal journal) {
    try {
      consumer.commitSync(ends);
      ends.forEach((tp, end) -> journal.line("committed", tp.partition() + " " + end.offset()));
    } catch (CommitFailedException | RebalanceInProgressException error) {
      journal.line("refused", error.getClass().getSimpleName());
    }
  }

  private static void member(String[] args) throws Exception {
    Properties config = new Properties();
    config.put("bootstrap.servers", args[1]);
    config.put("group.id", args[3]);
    config.put("auto.offset.reset", "earliest");
    config.put("enable.auto.commit", "false");
    config.put("max.poll.records", "50");
    config.put("session.timeout.ms", "6000");
    config.put("heartbeat.interval.ms", "500");
    var journal = new Journal(args[4]);
    var consumer = new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    Thread main = Thread.currentThread();
    Runtime.getRuntime().addShutdownHook(new Thread(() -> {
      consumer.wakeup();
      try {
        main.join();
      } catch (InterruptedException error) {
        Thread.currentThread().interrupt();
      }
    }));
    try (consumer) {
      consumer.subscribe(List.of(args[2]), journal);
      for (;;) {
        Map<TopicPartition, OffsetAndMetadata> ends = new TreeMap<>((a, b) -> a.partition() - b.partition());
        for (var record : consumer.poll(Duration.ofMillis(200))) {
          journal.line("read", record.partition() + " " + record.offset());
          ends.put(new TopicPartition(record.topic(), record.partition()), new OffsetAndMetadata(record.offset() + 1));
        }
        if (!ends.isEmpty()) commit(consumer, ends, journal);
      }
    } catch (WakeupException asked) {
      // SIGTERM
    }
  }

  public static void main(String[] args) throws Exception {
    switch (args[0]) {
      case "produce" -> produce(args);
      case "consume" -> consume(args);
      case "put" -> put(args);
      case "sums" -> sums(args);
      case "transact" -> transact(args);
      case "member" -> member(args);
      default -> throw new IllegalArgumentException("see ../README.md");
    }
  }
}
