/** fast-gateway with one route and its defaults: its agent keeps up to 2,048 connections, and nothing is logged. */
import gateway from 'fast-gateway'
import { announce, versionOf } from './announce.ts'

const service = gateway({ routes: [{ prefix: '', target: `http://127.0.0.1:${process.argv[2]}` }] })
const server = await service.start(0, '127.0.0.1')
announce(server.address().port, versionOf('fast-gateway'))
