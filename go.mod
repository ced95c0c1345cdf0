module github.com/go-mprpc/mprpc

go 1.25.0

require (
	github.com/google/go-cmp v0.7.0
	github.com/jackc/puddle/v2 v2.2.3
	github.com/vmihailenco/msgpack/v5 v5.3.6
	golang.org/x/sync v0.20.0
	golang.org/x/text v0.36.0
)

require github.com/vmihailenco/tagparser/v2 v2.0.0 // indirect
