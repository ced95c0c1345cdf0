package load

import "fmt"

// A Record is a struct of 20 fields, of the kinds that a row of a database has.
type Record struct {
	ID       int64   `msgpack:"id" json:"id" codec:"id"`
	Parent   int64   `msgpack:"parent" json:"parent" codec:"parent"`
	Count    int     `msgpack:"count" json:"count" codec:"count"`
	Level    int     `msgpack:"level" json:"level" codec:"level"`
	Year     int     `msgpack:"year" json:"year" codec:"year"`
	Created  int64   `msgpack:"created" json:"created" codec:"created"`
	Changed  int64   `msgpack:"changed" json:"changed" codec:"changed"`
	Flags    uint32  `msgpack:"flags" json:"flags" codec:"flags"`
	Price    float64 `msgpack:"price" json:"price" codec:"price"`
	Weight   float64 `msgpack:"weight" json:"weight" codec:"weight"`
	Score    float64 `msgpack:"score" json:"score" codec:"score"`
	Name     string  `msgpack:"name" json:"name" codec:"name"`
	Street   string  `msgpack:"street" json:"street" codec:"street"`
	City     string  `msgpack:"city" json:"city" codec:"city"`
	Country  string  `msgpack:"country" json:"country" codec:"country"`
	Mail     string  `msgpack:"mail" json:"mail" codec:"mail"`
	Note     string  `msgpack:"note" json:"note" codec:"note"`
	Active   bool    `msgpack:"active" json:"active" codec:"active"`
	Verified bool    `msgpack:"verified" json:"verified" codec:"verified"`
	Digest   []byte  `msgpack:"digest" json:"digest" codec:"digest"`
}

// An Item is one of many in a result.
type Item struct {
	ID     int64   `msgpack:"id" json:"id" codec:"id"`
	Name   string  `msgpack:"name" json:"name" codec:"name"`
	Price  float64 `msgpack:"price" json:"price" codec:"price"`
	Stock  int     `msgpack:"stock" json:"stock" codec:"stock"`
	Active bool    `msgpack:"active" json:"active" codec:"active"`
}

// SampleRecord is the Record that clients send. The Python scripts have the same
// values.
func SampleRecord() Record {
	return Record{
		ID: 1234567, Parent: 42, Count: 300, Level: -7, Year: 2024, Created: 1700000000000, Changed: 1700000360000,
		Flags: 0xbeef, Price: 19.99, Weight: 0.25, Score: -1.5,
		Name: "Zoë Müller", Street: "12 Long Acre", City: "Reykjavík", Country: "IS", Mail: "zoe@example.com",
		Note: "a note of some length, as people write them when they are asked to", Active: true,
		Digest: Payload(32),
	}
}

// SampleItems is what List returns.
func SampleItems(n int) []Item {
	items := make([]Item, n)
	for i := range items {
		items[i] = Item{int64(i), fmt.Sprintf("item %d", i), float64(i) + 0.5, i % 100, i%2 == 0}
	}
	return items
}

// Payload is what is echoed: bytes that are no text.
func Payload(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * 7)
	}
	return b
}
