module github.com/go-mprpc/mprpc/interop/soak

go 1.25.0

require (
	github.com/go-mprpc/mprpc v0.0.0
	github.com/vmihailenco/msgpack/v5 v5.4.1
)

require github.com/vmihailenco/tagparser/v2 v2.0.0 // indirect

replace github.com/go-mprpc/mprpc => ../..
