package rpcutil_test

import (
	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/rpcutil"
)

// What package codec asks of a table, and of its explanations.
var (
	_ codec.NameMapper                         = (*rpcutil.Names)(nil)
	_ codec.NameMapper                         = rpcutil.SnakeCase
	_ interface{ Explain(wire string) string } = (*rpcutil.Names)(nil)
)
