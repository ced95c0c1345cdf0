package peers

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/go-mprpc/mprpc/benchmarks/load"
	"github.com/go-mprpc/mprpc/benchmarks/peers/pb"
)

// protoService is load.Bench for generated code. It fits grpc and drpc.
type protoService struct {
	items []*pb.Item
	rows  []*pb.Row
}

func newProtoService() protoService { return protoService{sampleItems(1000), sampleRows(1000)} }

func (protoService) Sum(_ context.Context, in *pb.SumRequest) (*pb.Number, error) {
	return &pb.Number{N: in.X + in.Y}, nil
}
func (protoService) Echo(_ context.Context, in *pb.Bytes) (*pb.Bytes, error)     { return in, nil }
func (protoService) Mirror(_ context.Context, in *pb.Record) (*pb.Record, error) { return in, nil }
func (s protoService) List(_ context.Context, in *pb.Number) (*pb.Items, error) {
	return &pb.Items{Items: s.items[:in.N]}, nil
}
func (protoService) Slow(_ context.Context, in *pb.Number) (*pb.Number, error) {
	time.Sleep(load.SlowTime)
	return in, nil
}

// protoCaller calls by functions with the signatures that both generators give
// to methods of their clients.
type protoCaller struct {
	sum       func(context.Context, *pb.SumRequest) (*pb.Number, error)
	echo      func(context.Context, *pb.Bytes) (*pb.Bytes, error)
	mirror    func(context.Context, *pb.Record) (*pb.Record, error)
	list      func(context.Context, *pb.Number) (*pb.Items, error)
	slow      func(context.Context, *pb.Number) (*pb.Number, error)
	mirrorRow func(context.Context, *pb.Row) (*pb.Row, error)
	listRows  func(context.Context, *pb.Number) (*pb.Rows, error)
	record    *pb.Record
	items     []*pb.Item
	row       *pb.Row
	rows      []*pb.Row
}

func (c *protoCaller) Sum(x, y int) (int, error) {
	reply, err := c.sum(context.Background(), &pb.SumRequest{X: int64(x), Y: int64(y)})
	return int(reply.GetN()), err
}

func (c *protoCaller) Echo(b []byte) ([]byte, error) {
	reply, err := c.echo(context.Background(), &pb.Bytes{Data: b})
	return reply.GetData(), err
}

func (c *protoCaller) Mirror(thorough bool) error {
	reply, err := c.mirror(context.Background(), c.record)
	if err != nil {
		return err
	}
	if reply.Id != c.record.Id || !bytes.Equal(reply.Digest, c.record.Digest) || thorough && !proto.Equal(reply, c.record) {
		return fmt.Errorf("record: got %v", reply)
	}
	return nil
}

func (c *protoCaller) List(n int, thorough bool) error {
	reply, err := c.list(context.Background(), &pb.Number{N: int64(n)})
	if err != nil {
		return err
	}
	if len(reply.Items) != n || reply.Items[n-1].Id != int64(n-1) ||
		thorough && !proto.Equal(reply, &pb.Items{Items: c.items[:n]}) {
		return fmt.Errorf("list: got %d items, not what was asked for", len(reply.Items))
	}
	return nil
}

func (c *protoCaller) Slow(n int) (int, error) {
	reply, err := c.slow(context.Background(), &pb.Number{N: int64(n)})
	return int(reply.GetN()), err
}

// sampleRecord is load.SampleRecord as a generated type.
func sampleRecord() *pb.Record {
	r := load.SampleRecord()
	return &pb.Record{
		Id: r.ID, Parent: r.Parent, Count: int64(r.Count), Level: int64(r.Level), Year: int64(r.Year),
		Created: r.Created, Changed: r.Changed, Flags: r.Flags, Price: r.Price, Weight: r.Weight, Score: r.Score,
		Name: r.Name, Street: r.Street, City: r.City, Country: r.Country, Mail: r.Mail, Note: r.Note,
		Active: r.Active, Verified: r.Verified, Digest: r.Digest,
	}
}

// sampleItems is load.SampleItems as generated types.
func sampleItems(n int) []*pb.Item {
	items := make([]*pb.Item, n)
	for i, item := range load.SampleItems(n) {
		items[i] = &pb.Item{Id: item.ID, Name: item.Name, Price: item.Price, Stock: int64(item.Stock), Active: item.Active}
	}
	return items
}
