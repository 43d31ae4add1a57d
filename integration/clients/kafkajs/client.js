// kafkajs under the contract of ../README.md. NODE_PATH names where its packages were fetched to.
'use strict';
const crypto = require('crypto');
const { CompressionCodecs, CompressionTypes, Kafka, logLevel } = require('kafkajs');

CompressionCodecs[CompressionTypes.Snappy] = require('kafkajs-snappy');

const POOL_BYTES = 1 << 20;
const BATCH_BYTES = 512 * 1024;

function mix(x) {
  x = (x ^ (x >>> 16)) >>> 0;
  x = Math.imul(x, 0x85ebca6b) >>> 0;
  x = (x ^ (x >>> 13)) >>> 0;
  x = Math.imul(x, 0xc2b2ae35) >>> 0;
  return (x ^ (x >>> 16)) >>> 0;
}

function makePool(seed) {
  const pool = Buffer.alloc(POOL_BYTES);
  let state = seed >>> 0;
  for (let at = 0; at < POOL_BYTES; ++at) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    pool[at] = 97 + ((state >>> 24) % 26);
  }
  return pool;
}

function makeRecord(pool, index, partitions, size, seed, base) {
  const x = mix((seed + Math.imul(index, 0x9e3779b1)) >>> 0);
  const key = x % 5 === 0 ? null : x % 7 === 0 ? Buffer.alloc(0) : Buffer.from(`key-${x % 1000}`);
  let value = null;
  if (x % 97 !== 1 || key === null) {
    const start = (x >>> 3) % (POOL_BYTES - size);
    value = x % 89 === 1 ? Buffer.alloc(0) : pool.subarray(start, start + 1 + ((x >>> 7) % size));
  }
  const headers = {};
  for (let j = 0; j < (x >>> 5) % 3; ++j) {
    const kind = (x >>> (8 + j)) % 4;
    headers[`h${j}`] = kind < 2 ? Buffer.alloc(0) : Buffer.from(`v${x}`); // null cannot be written
  }
  return { partition: index % partitions, key, value, headers, timestamp: String(base + index) };
}

function field(data) {
  const length = Buffer.alloc(4);
  length.writeInt32BE(data === null || data === undefined ? -1 : data.length);
  return data ? Buffer.concat([length, data]) : length;
}

function addToDigest(digest, partition, message) {
  if (!digest.has(partition)) digest.set(partition, { count: 0, sha: crypto.createHash('sha256') });
  const entry = digest.get(partition);
  entry.count += 1;
  const head = Buffer.alloc(16);
  head.writeBigInt64BE(BigInt(message.offset), 0);
  head.writeBigInt64BE(BigInt(message.timestamp), 8);
  entry.sha.update(head);
  entry.sha.update(field(message.key));
  entry.sha.update(field(message.value));
  const names = Object.keys(message.headers || {});
  const count = Buffer.alloc(4);
  count.writeInt32BE(names.length);
  entry.sha.update(count);
  for (const name of names) {
    entry.sha.update(field(Buffer.from(name)));
    entry.sha.update(field(message.headers[name]));
  }
}

function client(bootstrap) {
  return new Kafka({ clientId: 'kafkajs', brokers: [bootstrap], logLevel: logLevel.ERROR });
}

async function produce(bootstrap, topic, partitions, count, size, codec, seed, base) {
  const types = { none: CompressionTypes.None, gzip: CompressionTypes.GZIP, snappy: CompressionTypes.Snappy };
  const producer = client(bootstrap).producer({ idempotent: true, maxInFlightRequests: 1 });
  const pool = makePool(seed);
  await producer.connect();
  let messages = [];
  let bytes = 0;
  const send = async () => {
    if (messages.length) await producer.send({ topic, compression: types[codec], acks: -1, messages });
    messages = [];
    bytes = 0;
  };
  for (let index = 0; index < count; ++index) {
    const record = makeRecord(pool, index, partitions, size, seed, base);
    const length = record.value ? record.value.length : 0;
    if (messages.length >= 2000 || bytes + length > BATCH_BYTES) await send();
    messages.push(record);
    bytes += length;
  }
  await send();
  await producer.disconnect();
}

async function consume(bootstrap, topic, group, count) {
  const digest = new Map();
  let seen = 0;
  const consumer = client(bootstrap).consumer({ groupId: group, maxWaitTimeInMs: 200 });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  let finished;
  const done = new Promise((resolve) => { finished = resolve; });
  await consumer.run({
    autoCommit: true,
    eachBatchAutoResolve: true,
    eachBatch: async ({ batch }) => {
      for (const message of batch.messages) addToDigest(digest, batch.partition, message);
      seen += batch.messages.length;
      if (seen >= count) finished();
    },
  });
  await done;
  await new Promise((resolve) => setTimeout(resolve, 600));
  await consumer.stop();
  await consumer.disconnect();
  for (const [partition, entry] of [...digest].sort((a, b) => a[0] - b[0])) {
    console.log(`${partition} ${entry.count} ${entry.sha.digest('hex')}`);
  }
}

const [mode, bootstrap, topic, ...rest] = process.argv.slice(2);
const number = (at) => Number(rest[at]);
const work = mode === 'produce'
  ? produce(bootstrap, topic, number(0), number(1), number(2), rest[3], number(4), number(5))
  : consume(bootstrap, topic, rest[0], number(1));
work.catch((error) => {
  console.error(error);
  process.exit(1);
});
