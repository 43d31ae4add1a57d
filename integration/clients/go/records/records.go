// Package records is the Go form of ../../../kit/records.py: what the clients write and the digest of what they read.
package records

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"os"
	"sort"
	"strconv"
)

const poolBytes = 1 << 20

// Header is one record header; a nil Value is null.
type Header struct {
	Name  string
	Value []byte
}

// Record is record Index of a run; a nil Key or Value is null.
type Record struct {
	Partition int32
	Key       []byte
	Value     []byte
	Headers   []Header
	Timestamp int64
}

// Run is what the arguments of `produce` say.
type Run struct {
	Partitions, Count, Size int
	Codec                   string
	Seed                    uint32
	Base                    int64
	pool                    []byte
}

// ParseRun reads PARTITIONS COUNT SIZE CODEC SEED BASE_TIMESTAMP.
func ParseRun(args []string) *Run {
	r := &Run{Codec: args[3]}
	r.Partitions, r.Count, r.Size = number(args[0]), number(args[1]), number(args[2])
	r.Seed, r.Base = uint32(number(args[4])), int64(number(args[5]))
	r.pool = make([]byte, poolBytes)
	state := r.Seed
	for at := range r.pool {
		state = state*1664525 + 1013904223
		r.pool[at] = byte(97 + (state>>24)%26)
	}
	return r
}

func number(text string) int {
	n, err := strconv.Atoi(text)
	Must(err)
	return n
}

// Must ends the program on an error.
func Must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func mix(x uint32) uint32 {
	x ^= x >> 16
	x *= 0x85EBCA6B
	x ^= x >> 13
	x *= 0xC2B2AE35
	return x ^ x>>16
}

// Record makes record index.
func (r *Run) Record(index int) Record {
	x := mix(r.Seed + uint32(index)*0x9E3779B1)
	out := Record{Partition: int32(index % r.Partitions), Timestamp: r.Base + int64(index)}
	if x%5 != 0 {
		out.Key = []byte{}
		if x%7 != 0 {
			out.Key = []byte(fmt.Sprintf("key-%d", x%1000))
		}
	}
	if x%97 != 1 || out.Key == nil {
		out.Value = []byte{}
		if x%89 != 1 {
			start := int(x>>3) % (poolBytes - r.Size)
			out.Value = r.pool[start : start+1+int(x>>7)%r.Size]
		}
	}
	for j := uint32(0); j < (x>>5)%3; j++ {
		header := Header{Name: fmt.Sprintf("h%d", j)}
		switch kind := (x >> (8 + j)) % 4; {
		case kind == 1:
			header.Value = []byte{}
		case kind > 1:
			header.Value = []byte(fmt.Sprintf("v%d", x))
		}
		out.Headers = append(out.Headers, header)
	}
	return out
}

type partition struct {
	count int
	sha   hash.Hash
}

// Digest is SHA-256 per partition.
type Digest struct {
	partitions map[int32]*partition
	Count      int
}

// NewDigest makes an empty one.
func NewDigest() *Digest { return &Digest{partitions: map[int32]*partition{}} }

func (p *partition) field(data []byte) {
	length := int32(-1)
	if data != nil {
		length = int32(len(data))
	}
	binary.Write(p.sha, binary.BigEndian, length)
	p.sha.Write(data)
}

// Add takes one consumed record.
func (d *Digest) Add(number int32, offset, timestamp int64, key, value []byte, headers []Header) {
	p := d.partitions[number]
	if p == nil {
		p = &partition{sha: sha256.New()}
		d.partitions[number] = p
	}
	p.count++
	d.Count++
	binary.Write(p.sha, binary.BigEndian, offset)
	binary.Write(p.sha, binary.BigEndian, timestamp)
	p.field(key)
	p.field(value)
	binary.Write(p.sha, binary.BigEndian, int32(len(headers)))
	for _, header := range headers {
		p.field([]byte(header.Name))
		p.field(header.Value)
	}
}

// Print writes one line per partition.
func (d *Digest) Print() {
	var numbers []int
	for number := range d.partitions {
		numbers = append(numbers, int(number))
	}
	sort.Ints(numbers)
	for _, number := range numbers {
		p := d.partitions[int32(number)]
		fmt.Printf("%d %d %x\n", number, p.count, p.sha.Sum(nil))
	}
}
