// The server of echo.proto in Go, with health and reflection.
//
// Usage: server NAME
package main

import (
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"context"

	"echo"

	"github.com/golang/protobuf/proto"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/status"
)

type server struct{ name string }

// sendBack returns the metadata that is sent in the head and in the trailers.
func sendBack(ctx context.Context) metadata.MD {
	sent := metadata.MD{}
	received, _ := metadata.FromIncomingContext(ctx)
	for key, values := range received {
		if strings.HasPrefix(key, "x-echo-") {
			sent[key] = values
		}
	}
	return sent
}

func (s *server) reply(ctx context.Context, request *echo.EchoRequest, index int) *echo.EchoReply {
	received, _ := metadata.FromIncomingContext(ctx)
	texts := map[string]string{}
	for key, values := range received {
		text := strings.Join(values, ", ")
		if strings.HasSuffix(key, "-bin") {
			text = base64.StdEncoding.EncodeToString([]byte(text))
		}
		texts[key] = text
	}
	payload := request.Payload
	if request.ReplyBytes > 0 {
		payload = make([]byte, request.ReplyBytes)
	}
	var left int64
	if deadline, ok := ctx.Deadline(); ok {
		left = time.Until(deadline).Milliseconds()
	}
	return &echo.EchoReply{
		Text: request.Text, Payload: payload, Index: int32(index), Node: s.name, Metadata: texts, DeadlineMs: left,
	}
}

// answer sends the replies to one request, and returns how many it has sent.
func (s *server) answer(ctx context.Context, request *echo.EchoRequest, index int, send func(*echo.EchoReply) error) (int, error) {
	count := int(request.Count)
	if count < 1 {
		count = 1
	}
	if request.Fail != nil {
		count = int(request.Fail.After)
	}
	for sent := 0; sent < count || sent == 0; sent++ {
		select {
		case <-time.After(time.Duration(request.DelayMs) * time.Millisecond):
		case <-ctx.Done():
			return sent, status.FromContextError(ctx.Err()).Err()
		}
		if sent == count {
			break
		}
		if err := send(s.reply(ctx, request, index+sent)); err != nil {
			return sent, err
		}
	}
	if request.Fail == nil {
		return count, nil
	}
	if len(request.Fail.Details) > 0 {
		details := &spb.Status{}
		if err := proto.Unmarshal(request.Fail.Details, details); err != nil {
			return count, err
		}
		return count, status.ErrorProto(details)
	}
	return count, status.Error(codes.Code(request.Fail.Code), request.Fail.Message)
}

func (s *server) Unary(ctx context.Context, request *echo.EchoRequest) (*echo.EchoReply, error) {
	sent := sendBack(ctx)
	grpc.SendHeader(ctx, sent)
	grpc.SetTrailer(ctx, sent)
	var reply *echo.EchoReply
	_, err := s.answer(ctx, request, 0, func(each *echo.EchoReply) error { reply = each; return nil })
	if err != nil {
		return nil, err
	}
	return reply, nil
}

func (s *server) Get(ctx context.Context, request *echo.EchoRequest) (*echo.EchoReply, error) {
	return s.Unary(ctx, request)
}

func begin(stream grpc.ServerStream) {
	sent := sendBack(stream.Context())
	stream.SendHeader(sent)
	stream.SetTrailer(sent)
}

func (s *server) ServerStream(request *echo.EchoRequest, stream echo.Echo_ServerStreamServer) error {
	begin(stream)
	_, err := s.answer(stream.Context(), request, 0, stream.Send)
	return err
}

func (s *server) ClientStream(stream echo.Echo_ClientStreamServer) error {
	begin(stream)
	var texts []string
	last := &echo.EchoRequest{}
	for {
		request, err := stream.Recv()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		texts = append(texts, request.Text)
		last = request
	}
	last.Text = strings.Join(texts, ",")
	last.Count = 1
	_, err := s.answer(stream.Context(), last, 0, stream.SendAndClose)
	return err
}

func (s *server) Bidi(stream echo.Echo_BidiServer) error {
	begin(stream)
	index := 0
	for {
		request, err := stream.Recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		sent, err := s.answer(stream.Context(), request, index, stream.Send)
		if err != nil {
			return err
		}
		index += sent
	}
}

func main() {
	port := os.Getenv("PORT")
	if port == "" {
		port = "0"
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		log.Fatal(err)
	}
	s := grpc.NewServer(grpc.MaxRecvMsgSize(1<<30), grpc.MaxSendMsgSize(1<<30))
	echo.RegisterEchoServer(s, &server{os.Args[1]})
	healthpb.RegisterHealthServer(s, health.NewServer())
	reflection.Register(s)
	ends := make(chan os.Signal, 1)
	signal.Notify(ends, syscall.SIGTERM)
	go func() { <-ends; s.GracefulStop() }()
	fmt.Printf("listening on %s\n", listener.Addr())
	if err := s.Serve(listener); err != nil {
		log.Fatal(err)
	}
}
