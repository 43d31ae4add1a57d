#include "kafka_protocol/server/config_keys.h"

#include <algorithm>
#include <array>

namespace thalweg::server {

namespace {

using enum KeyType;

constexpr int64_t kIntMax = INT32_MAX;
constexpr int64_t kLongMax = INT64_MAX;
constexpr int64_t kMiB = 1 << 20;

constexpr auto kKeys = std::to_array<ConfigKey>({
    {"advertised.listeners", kList, "", 0, 0, "",
     "NAME://HOST:PORT clients are told to connect to, per listener. Without one a listener on a "
     "wildcard tells each "
     "client the address that client reached."},
    {"auto.create.topics.enable", kBool, "true", 0, 0, "",
     "Whether the first use of a topic creates it."},
    {"broker.id", kInt, "-1", -1, kIntMax, "", "Older name of node.id; -1 = use node.id."},
    {"connections.max.idle.ms", kInt, "600000", 1, kLongMax, "",
     "A connection without requests for this long is closed."},
    {"default.replication.factor", kInt, "1", 1, 32767, "",
     "Reported for topics created with -1; durability comes from the store."},
    {"delete.topic.enable", kBool, "true", 0, 0, "", "Whether topics can be deleted."},
    {"fetch.max.bytes", kInt, "57671680", 1024, kIntMax, "",
     "Most bytes one fetch returns, unless one batch is larger."},
    {"group.initial.rebalance.delay.ms", kInt, "3000", 0, kIntMax, "",
     "How long the first member of a group waits for others."},
    {"group.max.session.timeout.ms", kInt, "1800000", 1, kIntMax, "",
     "Longest session time-out a member may ask for."},
    {"group.max.size", kInt, "2147483647", 1, kIntMax, "", "Most members of one group."},
    {"group.min.session.timeout.ms", kInt, "6000", 1, kIntMax, "",
     "Shortest session time-out a member may ask for."},
    {"listener.security.protocol.map", kList, "", 0, 0, "",
     "NAME:PROTOCOL per listener name. Only PLAINTEXT is served; an unlisted name means "
     "PLAINTEXT."},
    {"listeners", kList, "PLAINTEXT://localhost:9092", 0, 0, "",
     "NAME://HOST:PORT to listen on; no host = every address. localhost and wildcards listen on "
     "IPv4 and IPv6."},
    {"log.cleanup.policy", kList, "delete", 0, 0, "compact,delete",
     "Default of topics' cleanup.policy."},
    {"log.message.timestamp.after.max.ms", kInt, "3600000", 0, kLongMax, "",
     "How far a record's timestamp may lie ahead of the broker's clock."},
    {"log.message.timestamp.before.max.ms", kInt, "9223372036854775807", 0, kLongMax, "",
     "How far a record's timestamp may lie behind the broker's clock."},
    {"log.message.timestamp.type", kString, "CreateTime", 0, 0, "CreateTime,LogAppendTime",
     "Whose time a record carries: the producer's or the broker's."},
    {"log.retention.bytes", kInt, "-1", -1, kLongMax, "",
     "Size of a partition past which its oldest records go; -1 = no limit."},
    {"log.retention.check.interval.ms", kInt, "300000", 1, kLongMax, "",
     "How often retention is applied."},
    {"log.retention.hours", kInt, "168", -1, kIntMax, "",
     "See log.retention.ms; used if neither ms nor minutes is set."},
    {"log.retention.minutes", kInt, "10080", -1, kIntMax, "",
     "See log.retention.ms; used if ms is not set."},
    {"log.retention.ms", kInt, "604800000", -1, kLongMax, "",
     "Age at which records go; -1 = never."},
    {"max.connections", kInt, "2147483647", 1, kIntMax, "",
     "More connections than this are closed at once."},
    {"message.max.bytes", kInt, "1048588", 0, kIntMax, "",
     "Largest record batch; default of topics' max.message.bytes."},
    {"node.id", kInt, "1", 0, kIntMax, "", "This broker's id."},
    {"num.network.threads", kInt, "0", 0, 256, "",
     "Threads that serve connections; 0 = one per core."},
    {"num.partitions", kInt, "1", 1, 1000000, "", "Partitions of a topic created without a count."},
    {"offset.metadata.max.bytes", kInt, "4096", 0, 32767, "",
     "Longest metadata text of a committed offset."},
    {"offsets.commit.timeout.ms", kInt, "5000", 1, kIntMax, "",
     "A commit that is not durable by then is answered as retriable."},
    {"offsets.retention.minutes", kInt, "10080", 1, kIntMax, "",
     "How long offsets are kept after their group became empty."},
    {"queued.max.request.bytes", kInt, "67108864", 1, kLongMax, "",
     "Bytes of unanswered Produce requests of one connection past which it is not read."},
    {"socket.receive.buffer.bytes", kInt, "-1", -1, kIntMax, "",
     "SO_RCVBUF; -1 = the kernel decides."},
    {"socket.request.max.bytes", kInt, "104857600", 1024, kIntMax, "",
     "Largest request; a larger one closes its connection."},
    {"socket.send.buffer.bytes", kInt, "-1", -1, kIntMax, "",
     "SO_SNDBUF; -1 = the kernel decides."},
    {"thalweg.block.cache.bytes", kInt, "268435456", 0, kLongMax, "",
     "Memory for blocks read from segments."},
    {"thalweg.chunk.target.bytes", kInt, "4194304", 65536, 8 * kMiB, "",
     "Size at which an open chunk of a log in thalweg.data.dir is written; rounded up to 4096."},
    {"thalweg.chunks", kList, "", 0, 0, "",
     "Where the log goes instead of thalweg.data.dir: the URL of one object store, or of three of "
     "which any two are enough: s3://BUCKET/PREFIX?... as thalweg.store, or file:///DIRECTORY, "
     "either with class=NAME; one or three for each class; empty without thalweg.data.dir = in "
     "thalweg.store (--chunks, once or three times)."},
    {"thalweg.chunks.class", kString, "standard", 0, 0, "standard,express",
     "The class of stores of thalweg.chunks whose URL names none: standard writes chunks of 4 MiB "
     "or 50 to 250 ms, express of 512 KiB or 5 to 20 ms."},
    {"thalweg.data.dir", kString, "", 0, 0, "",
     "Directory of the log, and of objects and metadata unless thalweg.store says otherwise; not "
     "needed with thalweg.store (--data)."},
    {"thalweg.data.size.limit.bytes", kInt, "-1", -1, kLongMax, "",
     "Size of the data directory past which writes are refused and reads go on; -1 = none."},
    {"thalweg.lease.ms", kInt, "3000", 500, 60000, "",
     "With log and metadata in object stores: how long a broker that died, or does not answer, "
     "keeps another from taking over."},
    {"thalweg.log.file.bytes", kInt, "67108864", 16 * kMiB, 4096 * kMiB, "",
     "Size of one pre-written log file; rounded up to 4096."},
    {"thalweg.log.level", kString, "info", 0, 0, "debug,info,warn,error",
     "Least severe lines that are logged."},
    {"thalweg.log.outstanding.max.bytes", kInt, "402653184", 16 * kMiB, kLongMax, "",
     "Bytes in the log not yet offloaded past which producers wait. Below "
     "thalweg.memory.tail.bytes "
     "the log need not be read back to be offloaded."},
    {"thalweg.memory.tail.bytes", kInt, "536870912", 8 * kMiB, kLongMax, "",
     "Memory for the newest records, from which live consumers read."},
    {"thalweg.metrics.listen", kString, "", 0, 0, "",
     "HOST:PORT where GET /metrics tells counts and sizes in the text format of Prometheus, to "
     "anybody; no host = every address, empty = nowhere."},
    {"thalweg.offload.bytes", kInt, "201326592", kMiB, kLongMax, "",
     "Bytes in the log at which records are moved to segments without waiting for the interval."},
    {"thalweg.offload.interval.ms", kInt, "10000", 1, kIntMax, "",
     "Longest time a record stays in the log only."},
    {"thalweg.request.memory.bytes", kInt, "1073741824", kMiB, kLongMax, "",
     "Memory for large requests while they arrive, of all connections together; past it they are "
     "read later."},
    {"thalweg.response.memory.bytes", kInt, "536870912", kMiB, kLongMax, "",
     "Responses that clients have not taken yet, of all connections together; past it only "
     "producers are served, and clients that read nothing are closed after 5 s."},
    {"thalweg.shutdown.timeout.ms", kInt, "30000", 0, kIntMax, "",
     "How long a stop waits for unfinished requests before it gives up on them."},
    {"thalweg.storage.class", kString, "", 0, 0, "local,standard,express",
     "What the log of a topic created without thalweg.storage.class is put into; empty = what it "
     "was when this broker's data was made: thalweg.chunks if given, else thalweg.data.dir, else "
     "thalweg.store."},
    {"thalweg.store", kString, "", 0, 0, "",
     "Where segments and metadata live, and the log without thalweg.data.dir: "
     "s3://BUCKET/PREFIX?endpoint=URL&region=NAME&path-style="
     "BOOL&ca-bundle=FILE, what is left out from AWS's variables; empty = in thalweg.data.dir "
     "(--store)."},
});

static_assert(std::ranges::is_sorted(kKeys, {}, &ConfigKey::name));

}  // namespace

std::span<const ConfigKey> config_keys() { return kKeys; }

const ConfigKey* find_config_key(std::string_view name) {
  const auto at = std::ranges::lower_bound(kKeys, name, {}, &ConfigKey::name);
  return at != kKeys.end() && at->name == name ? &*at : nullptr;
}

}  // namespace thalweg::server
