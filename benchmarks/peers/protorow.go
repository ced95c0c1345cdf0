package peers

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/go-mprpc/mprpc/benchmarks/load"
	"github.com/go-mprpc/mprpc/benchmarks/peers/pb"
)

// The rows of the peers with generated code. As with all their values, programs use the
// generated types themselves, so nothing is converted in a call.

func (protoService) MirrorRow(_ context.Context, in *pb.Row) (*pb.Row, error) { return in, nil }
func (s protoService) ListRows(_ context.Context, in *pb.Number) (*pb.Rows, error) {
	return &pb.Rows{Rows: s.rows[:in.N]}, nil
}

func (c *protoCaller) MirrorRow(thorough bool) error {
	reply, err := c.mirrorRow(context.Background(), c.row)
	if err != nil {
		return err
	}
	if reply.Id != c.row.Id || len(reply.Attrs) != len(c.row.Attrs) || thorough && !proto.Equal(reply, c.row) {
		return fmt.Errorf("row: got %v", reply)
	}
	return nil
}

func (c *protoCaller) Rows(n int, thorough bool) error {
	reply, err := c.listRows(context.Background(), &pb.Number{N: int64(n)})
	if err != nil {
		return err
	}
	if len(reply.Rows) != n || reply.Rows[n-1].Id != int64(n-1) ||
		thorough && !proto.Equal(reply, &pb.Rows{Rows: c.rows[:n]}) {
		return fmt.Errorf("rows: got %d rows, not what was asked for", len(reply.Rows))
	}
	return nil
}

// sampleRow is load.SampleRow as a generated type.
func sampleRow() *pb.Row {
	r := load.SampleRow()
	return protoRow(&r)
}

// sampleRows is load.SampleRows as generated types.
func sampleRows(n int) []*pb.Row {
	rows := make([]*pb.Row, n)
	for i, r := range load.SampleRows(n) {
		rows[i] = protoRow(&r)
	}
	return rows
}

func protoRow(r *load.Row) *pb.Row {
	row := &pb.Row{
		Id: r.ID, Name: r.Name, Tags: r.Tags, Price: r.Price, Created: timestamppb.New(r.Created),
		Audit: &pb.Audit{Owner: r.Owner, Revision: int64(r.Revision)},
		Attrs: make(map[string]*pb.Value, len(r.Attrs)),
	}
	if r.Updated != nil {
		row.Updated = timestamppb.New(*r.Updated)
	}
	for name, v := range r.Attrs {
		row.Attrs[name] = protoValue(v)
	}
	return row
}

func protoValue(v any) *pb.Value {
	switch v := v.(type) {
	case string:
		return &pb.Value{Kind: &pb.Value_Text{Text: v}}
	case int:
		return &pb.Value{Kind: &pb.Value_Integer{Integer: int64(v)}}
	case float64:
		return &pb.Value{Kind: &pb.Value_Number{Number: v}}
	case bool:
		return &pb.Value{Kind: &pb.Value_Flag{Flag: v}}
	}
	panic(fmt.Sprintf("peers: no attribute is a %T", v))
}
