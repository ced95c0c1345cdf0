package peers

import (
	"fmt"
	"net/rpc"

	"github.com/go-mprpc/mprpc/benchmarks/load"
)

// floorService is floorDirect with a method of net/rpc that gives the answers: what
// no server that serves net/rpc's methods can exceed, even if its codec does nothing.
func floorService() Peer {
	return directPeer("floor-service", "pipelined calls of the same bytes, each served by net/rpc's server",
		func(s *script) directAnswer {
			server, call := benchServer(), knownCall{script: s}
			return func(out, request []byte) ([]byte, error) {
				call.request, call.out = request, out
				if err := server.ServeRequest(&call); err != nil {
					return out, err
				}
				return call.out, call.err
			}
		})
}

// A knownCall is the codec of a call whose parameters are known, and its answer.
type knownCall struct {
	script  *script
	request []byte
	out     []byte
	err     error // of WriteResponse, which net/rpc drops
}

func (c *knownCall) ReadRequestHeader(r *rpc.Request) error {
	r.ServiceMethod = "Bench.Sum"
	return nil
}

func (c *knownCall) ReadRequestBody(body any) error {
	args, ok := body.(*load.SumArgs)
	if !ok {
		return fmt.Errorf("floor-service: parameters for a %T", body)
	}
	args.X, args.Y = 1, 2
	return nil
}

func (c *knownCall) WriteResponse(r *rpc.Response, result any) error {
	if sum, ok := result.(*int); !ok || *sum != 3 {
		c.err = fmt.Errorf("floor-service: the result is a %T, %s", result, r.Error)
	}
	c.out = c.script.appendReply(c.out, c.request)
	return nil
}

func (c *knownCall) Close() error { return nil }
