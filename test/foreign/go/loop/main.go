// Calls echo.proto one call after the other until its input ends, and then prints how many calls there were and which
// failed.
//
// Usage: loop ADDRESS
package main

import (
	"context"
	"encoding/json"
	"io"
	"log"
	"os"
	"time"

	"echo"

	"google.golang.org/grpc"
)

func main() {
	connection, err := grpc.Dial(os.Args[1], grpc.WithInsecure())
	if err != nil {
		log.Fatal(err)
	}
	client := echo.NewEchoClient(connection)
	over := make(chan struct{})
	go func() { io.Copy(io.Discard, os.Stdin); close(over) }()
	calls, failures := 0, []string{}
	for {
		select {
		case <-over:
			json.NewEncoder(os.Stdout).Encode(map[string]interface{}{"calls": calls, "failures": failures})
			return
		case <-time.After(10 * time.Millisecond):
		}
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		calls++
		if _, err := client.Unary(ctx, &echo.EchoRequest{Text: "a"}); err != nil {
			failures = append(failures, err.Error())
		}
		cancel()
	}
}
