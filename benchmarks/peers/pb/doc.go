// Package pb is generated from bench.proto, for the peers grpc and drpc. To
// generate it anew, with protoc, protoc-gen-go, protoc-gen-go-grpc and
// protoc-gen-go-drpc in PATH:
//
//	protoc --go_out=. --go-grpc_out=. --go-drpc_out=. --go_opt=paths=source_relative \
//		--go-grpc_opt=paths=source_relative --go-drpc_opt=paths=source_relative bench.proto
package pb
