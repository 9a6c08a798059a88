// Makes requests over TLS with net/http. Arguments: OPERATION, 1 or 2 (the version of HTTP), URL, CA, and the certificate
// and the key of the client, or two empty ones.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
)

var client *http.Client
var transport *http.Transport
var version int
var url string

func main() {
	log.SetFlags(0)
	operation, ca, cert, key := os.Args[1], os.Args[4], os.Args[5], os.Args[6]
	url = os.Args[3]
	fmt.Sscan(os.Args[2], &version)
	pem, err := os.ReadFile(ca)
	check(err)
	config := &tls.Config{RootCAs: x509.NewCertPool(), ClientSessionCache: tls.NewLRUClientSessionCache(8)}
	config.RootCAs.AppendCertsFromPEM(pem)
	if cert != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		check(err)
		config.Certificates = []tls.Certificate{pair}
	}
	transport = &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: version == 2}
	if version == 1 {
		transport.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	}
	client = &http.Client{Transport: transport}
	switch operation {
	case "get":
		get()
	case "post":
		response, err := client.Post(url+"/echo/x", "text/plain", strings.NewReader("sent"))
		expect(response, err, "sent")
	case "twice":
		get()
		get()
	case "again":
		get()
		transport.CloseIdleConnections()
		get()
	case "events":
		response, err := client.Get(url + "/echo/events")
		expect(response, err, "data: 1\n\ndata: 2\n\ndata: 3\n\n")
	default:
		log.Fatal("no operation " + operation)
	}
}

func get() {
	response, err := client.Get(url + "/echo/x")
	expect(response, err, "hello")
}

func expect(response *http.Response, err error, wanted string) {
	check(err)
	body, err := io.ReadAll(response.Body)
	check(err)
	response.Body.Close()
	if response.StatusCode != 200 || string(body) != wanted || response.ProtoMajor != version {
		log.Fatalf("%s: %d %q", response.Proto, response.StatusCode, body)
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
