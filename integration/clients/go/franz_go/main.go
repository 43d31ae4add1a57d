// franz-go under the contract of ../../README.md.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"thalweg.test/clients/records"
)

var codecs = map[string]kgo.CompressionCodec{
	"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
	"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
}

func produce(bootstrap, topic string, run *records.Run) {
	client, err := kgo.NewClient(kgo.SeedBrokers(bootstrap), kgo.DefaultProduceTopic(topic),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(codecs[run.Codec]),
		kgo.ProducerLinger(5*time.Millisecond))
	records.Must(err)
	defer client.Close()
	for index := 0; index < run.Count; index++ {
		made := run.Record(index)
		record := &kgo.Record{Partition: made.Partition, Key: made.Key, Value: made.Value,
			Timestamp: time.UnixMilli(made.Timestamp)}
		for _, header := range made.Headers {
			record.Headers = append(record.Headers, kgo.RecordHeader{Key: header.Name, Value: header.Value})
		}
		client.Produce(context.Background(), record, func(_ *kgo.Record, err error) { records.Must(err) })
	}
	records.Must(client.Flush(context.Background()))
}

func poll(client *kgo.Client, digest *records.Digest, wait time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	fetches := client.PollFetches(ctx)
	for _, one := range fetches.Errors() {
		if one.Err != context.DeadlineExceeded {
			records.Must(one.Err)
		}
	}
	fetches.EachRecord(func(record *kgo.Record) {
		var headers []records.Header
		for _, header := range record.Headers {
			headers = append(headers, records.Header{Name: header.Key, Value: header.Value})
		}
		digest.Add(record.Partition, record.Offset, record.Timestamp.UnixMilli(), record.Key, record.Value, headers)
	})
}

func consume(bootstrap, topic, group string, count int) {
	client, err := kgo.NewClient(kgo.SeedBrokers(bootstrap), kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit())
	records.Must(err)
	digest := records.NewDigest()
	for digest.Count < count {
		poll(client, digest, time.Second)
	}
	poll(client, digest, 600*time.Millisecond)
	records.Must(client.CommitUncommittedOffsets(context.Background()))
	client.Close()
	digest.Print()
}

// note journals partitions that were given or taken.
func note(journal *os.File, word string) func(context.Context, *kgo.Client, map[string][]int32) {
	return func(_ context.Context, _ *kgo.Client, topics map[string][]int32) {
		line := word
		for _, partitions := range topics {
			for _, partition := range partitions {
				line += fmt.Sprintf(" %d", partition)
			}
		}
		fmt.Fprintln(journal, line)
	}
}

// round reads and commits up to 50 records; no partition moves meanwhile.
func round(client *kgo.Client, journal *os.File) {
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	fetches := client.PollRecords(ctx, 50)
	defer client.AllowRebalance()
	read := fetches.Records()
	ends := map[int32]int64{}
	for _, record := range read {
		fmt.Fprintf(journal, "read %d %d\n", record.Partition, record.Offset)
		ends[record.Partition] = record.Offset + 1
	}
	if err := client.CommitRecords(context.Background(), read...); err != nil {
		fmt.Fprintln(journal, "refused", err)
		return
	}
	for partition, offset := range ends {
		fmt.Fprintf(journal, "committed %d %d\n", partition, offset)
	}
}

func member(bootstrap, topic, group, path string) {
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	journal, err := os.Create(path)
	records.Must(err)
	client, err := kgo.NewClient(kgo.SeedBrokers(bootstrap), kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll(),
		kgo.SessionTimeout(6*time.Second), kgo.HeartbeatInterval(500*time.Millisecond),
		kgo.OnPartitionsAssigned(note(journal, "assigned")), kgo.OnPartitionsRevoked(note(journal, "revoked")),
		kgo.OnPartitionsLost(note(journal, "revoked")))
	records.Must(err)
	for stop.Err() == nil {
		round(client, journal)
	}
	client.CloseAllowingRebalance()
}

func main() {
	switch os.Args[1] {
	case "produce":
		produce(os.Args[2], os.Args[3], records.ParseRun(os.Args[4:]))
		return
	case "member":
		member(os.Args[2], os.Args[3], os.Args[4], os.Args[5])
		return
	}
	count, err := strconv.Atoi(os.Args[5])
	records.Must(err)
	consume(os.Args[2], os.Args[3], os.Args[4], count)
}
