// Calls echo.proto in every way, and prints a line of JSON for each kind of call.
//
// Usage: client ADDRESS ROUNDS
package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"os"
	"strconv"
	"time"

	"echo"

	"github.com/golang/protobuf/proto"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

type kind struct {
	name string
	run  func(context.Context, echo.EchoClient) (string, error)
}

func equal(found, wanted interface{}) error {
	if found != wanted {
		return fmt.Errorf("%.200v is not %.200v", found, wanted)
	}
	return nil
}

func runUnary(ctx context.Context, client echo.EchoClient) (string, error) {
	reply, err := client.Unary(ctx, &echo.EchoRequest{Text: "ä☃"})
	if err != nil {
		return "", err
	}
	return reply.Node, equal(reply.Text, "ä☃")
}

func runServerStream(ctx context.Context, client echo.EchoClient) (string, error) {
	stream, err := client.ServerStream(ctx, &echo.EchoRequest{Text: "a", Count: 5})
	if err != nil {
		return "", err
	}
	node, seen := "", ""
	for {
		reply, err := stream.Recv()
		if err == io.EOF {
			return node, equal(seen, "01234")
		}
		if err != nil {
			return "", err
		}
		node, seen = reply.Node, seen+strconv.Itoa(int(reply.Index))
	}
}

func runClientStream(ctx context.Context, client echo.EchoClient) (string, error) {
	stream, err := client.ClientStream(ctx)
	if err != nil {
		return "", err
	}
	for _, text := range []string{"a", "b"} {
		if err := stream.Send(&echo.EchoRequest{Text: text}); err != nil {
			return "", err
		}
	}
	reply, err := stream.CloseAndRecv()
	if err != nil {
		return "", err
	}
	return reply.Node, equal(reply.Text, "a,b")
}

func runBidi(ctx context.Context, client echo.EchoClient) (string, error) {
	stream, err := client.Bidi(ctx)
	if err != nil {
		return "", err
	}
	node := ""
	// Each request waits for the reply to the one before.
	for _, text := range []string{"a", "b", "c"} {
		if err := stream.Send(&echo.EchoRequest{Text: text}); err != nil {
			return "", err
		}
		reply, err := stream.Recv()
		if err != nil {
			return "", err
		}
		if err := equal(reply.Text, text); err != nil {
			return "", err
		}
		node = reply.Node
	}
	if err := stream.CloseSend(); err != nil {
		return "", err
	}
	_, err = stream.Recv()
	return node, equal(err, io.EOF)
}

func runDeadline(ctx context.Context, client echo.EchoClient) (string, error) {
	long, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	reply, err := client.Unary(long, &echo.EchoRequest{})
	if err != nil {
		return "", err
	}
	if reply.DeadlineMs <= 0 || reply.DeadlineMs > 21000 {
		return "", fmt.Errorf("%d ms were left", reply.DeadlineMs)
	}
	short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	_, err = client.Unary(short, &echo.EchoRequest{DelayMs: 5000})
	return "", equal(status.Code(err), codes.DeadlineExceeded)
}

func runCancel(ctx context.Context, client echo.EchoClient) (string, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := client.ServerStream(ctx, &echo.EchoRequest{Count: 100, DelayMs: 50})
	if err != nil {
		return "", err
	}
	if _, err := stream.Recv(); err != nil {
		return "", err
	}
	cancel()
	for err == nil {
		_, err = stream.Recv()
	}
	return "", equal(status.Code(err), codes.Canceled)
}

func runStatus(ctx context.Context, client echo.EchoClient) (string, error) {
	fail := &echo.Failure{Code: 5, Message: "nö 100% ☃"}
	_, err := client.Unary(ctx, &echo.EchoRequest{Fail: fail})
	if wrong := equal(status.Convert(err).Message(), fail.Message); wrong != nil {
		return "", wrong
	}
	fail.After = 2
	stream, err := client.ServerStream(ctx, &echo.EchoRequest{Fail: fail})
	seen := 0
	for ; err == nil; seen++ {
		_, err = stream.Recv()
	}
	if wrong := equal(status.Code(err), codes.NotFound); wrong != nil {
		return "", wrong
	}
	return "", equal(seen, 3)
}

func runDetails(ctx context.Context, client echo.EchoClient) (string, error) {
	details, _ := base64.StdEncoding.DecodeString(os.Getenv("DETAILS"))
	_, err := client.Unary(ctx, &echo.EchoRequest{Fail: &echo.Failure{Code: 5, Message: "gone", Details: details}})
	found, _ := proto.Marshal(status.Convert(err).Proto())
	return "", equal(base64.StdEncoding.EncodeToString(found), base64.StdEncoding.EncodeToString(details))
}

func runMetadata(ctx context.Context, client echo.EchoClient) (string, error) {
	var head, trailers metadata.MD
	ctx = metadata.AppendToOutgoingContext(ctx, "x-echo-a", "one", "x-echo-b-bin", "\x00\xff")
	reply, err := client.Unary(ctx, &echo.EchoRequest{}, grpc.Header(&head), grpc.Trailer(&trailers))
	if err != nil {
		return "", err
	}
	for _, got := range []metadata.MD{head, trailers} {
		found := fmt.Sprintf("%q %q", got["x-echo-a"], got["x-echo-b-bin"])
		if err := equal(found, `["one"] ["\x00\xff"]`); err != nil {
			return "", err
		}
	}
	return reply.Node, equal(reply.Metadata["x-echo-b-bin"], "AP8=")
}

func runLarge(ctx context.Context, client echo.EchoClient) (string, error) {
	payload := bytes.Repeat([]byte("0123456789abcdef"), 3<<16)
	reply, err := client.Unary(ctx, &echo.EchoRequest{Payload: payload})
	if err != nil {
		return "", err
	}
	return reply.Node, equal(bytes.Equal(reply.Payload, payload), true)
}

var kinds = []kind{
	{"unary", runUnary},
	{"server stream", runServerStream},
	{"client stream", runClientStream},
	{"bidi", runBidi},
	{"deadline", runDeadline},
	{"cancel", runCancel},
	{"status", runStatus},
	{"details", runDetails},
	{"metadata", runMetadata},
	{"large", runLarge},
}

type line struct {
	Kind  string   `json:"kind"`
	Error *string  `json:"error"`
	Nodes []string `json:"nodes"`
}

func main() {
	connection, err := grpc.Dial(os.Args[1], grpc.WithInsecure(), grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(1<<30)))
	if err != nil {
		log.Fatal(err)
	}
	client := echo.NewEchoClient(connection)
	rounds, _ := strconv.Atoi(os.Args[2])
	for _, each := range kinds {
		result := line{Kind: each.name, Nodes: []string{}}
		for round := 0; round < rounds; round++ {
			ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
			node, err := each.run(ctx, client)
			cancel()
			if err != nil {
				text := err.Error()
				result.Error = &text
			} else if node != "" {
				result.Nodes = append(result.Nodes, node)
			}
		}
		json.NewEncoder(os.Stdout).Encode(result)
	}
}
