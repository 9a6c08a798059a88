/** JSON in front of gRPC, as one would write it: node:http, and a client of grpc-js that knows the proto at run time. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Client, credentials } from '@grpc/grpc-js'
import { echoService } from '../http2/echo-service.ts'
import { announce, versionOf } from './announce.ts'

const { path, requestSerialize, responseDeserialize } = echoService.Unary!
const client = new Client(`127.0.0.1:${process.argv[2]}`, credentials.createInsecure())
const server = createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', chunk => chunks.push(chunk))
  request.on('end', () => {
    const message = JSON.parse(Buffer.concat(chunks).toString())
    client.makeUnaryRequest(path, requestSerialize, responseDeserialize, message, (error, answer) => {
      const text = JSON.stringify(error ? { code: error.code, detail: error.details } : answer)
      response.writeHead(error ? 502 : 200, {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(text),
      })
      response.end(text)
    })
  })
})
server.listen(0, '127.0.0.1', () =>
  announce((server.address() as AddressInfo).port, versionOf('@grpc/grpc-js')),
)
