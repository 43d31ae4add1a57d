// sarama under the contract of ../../README.md.
package main

import (
	"context"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"thalweg.test/clients/records"
)

var codecs = map[string]sarama.CompressionCodec{
	"none": sarama.CompressionNone, "gzip": sarama.CompressionGZIP, "snappy": sarama.CompressionSnappy,
	"lz4": sarama.CompressionLZ4, "zstd": sarama.CompressionZSTD,
}

func encoder(data []byte) sarama.Encoder {
	if data == nil {
		return nil
	}
	return sarama.ByteEncoder(data)
}

func produce(bootstrap, topic string, run *records.Run) {
	config := sarama.NewConfig()
	config.Version = sarama.V3_6_0_0
	config.Producer.Idempotent = true
	config.Net.MaxOpenRequests = 1
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Producer.Compression = codecs[run.Codec]
	config.Producer.Partitioner = sarama.NewManualPartitioner
	config.Producer.Return.Successes = true
	config.Producer.Flush.Bytes = 65536
	config.Producer.Flush.Frequency = 5 * time.Millisecond
	producer, err := sarama.NewAsyncProducer([]string{bootstrap}, config)
	records.Must(err)
	var answered sync.WaitGroup
	answered.Add(run.Count)
	go func() {
		for range producer.Successes() {
			answered.Done()
		}
	}()
	go func() {
		for failure := range producer.Errors() {
			records.Must(failure)
		}
	}()
	for index := 0; index < run.Count; index++ {
		made := run.Record(index)
		message := &sarama.ProducerMessage{Topic: topic, Partition: made.Partition, Key: encoder(made.Key),
			Value: encoder(made.Value), Timestamp: time.UnixMilli(made.Timestamp)}
		for _, header := range made.Headers {
			message.Headers = append(message.Headers, sarama.RecordHeader{Key: []byte(header.Name), Value: header.Value})
		}
		producer.Input() <- message
	}
	answered.Wait()
	records.Must(producer.Close())
}

type reader struct {
	mutex  sync.Mutex
	digest *records.Digest
	count  int
	done   chan struct{}
}

func (r *reader) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (r *reader) Cleanup(sarama.ConsumerGroupSession) error { return nil }

func (r *reader) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for message := range claim.Messages() {
		var headers []records.Header
		for _, header := range message.Headers {
			headers = append(headers, records.Header{Name: string(header.Key), Value: header.Value})
		}
		r.mutex.Lock()
		r.digest.Add(message.Partition, message.Offset, message.Timestamp.UnixMilli(), message.Key, message.Value, headers)
		session.MarkMessage(message, "")
		if r.digest.Count == r.count {
			close(r.done)
		}
		r.mutex.Unlock()
	}
	return nil
}

func consume(bootstrap, topic, group string, count int) {
	config := sarama.NewConfig()
	config.Version = sarama.V3_6_0_0
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	config.Consumer.Return.Errors = false
	member, err := sarama.NewConsumerGroup([]string{bootstrap}, group, config)
	records.Must(err)
	r := &reader{digest: records.NewDigest(), count: count, done: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-r.done
		time.Sleep(600 * time.Millisecond)
		cancel()
	}()
	for ctx.Err() == nil {
		if err := member.Consume(ctx, []string{topic}, r); err != nil && ctx.Err() == nil {
			records.Must(err)
		}
	}
	records.Must(member.Close())
	r.digest.Print()
}

func main() {
	if os.Args[1] == "produce" {
		produce(os.Args[2], os.Args[3], records.ParseRun(os.Args[4:]))
		return
	}
	count, err := strconv.Atoi(os.Args[5])
	records.Must(err)
	consume(os.Args[2], os.Args[3], os.Args[4], count)
}
