import { endOfFailure, type GrpcEnd, readGrpcEnd } from '../../internal/grpc/grpc-end.ts'
import { GRPC_STATUS, grpcStatusOfHttp } from '../../internal/grpc/status.ts'
import type { ClientResponse } from '../../internal/http/client-exchange.ts'
import { getHeader } from '../../internal/http/header-lines.ts'
import type { ResponseFields } from '../../internal/http2/field-rules.ts'
import type { CallEnd } from '../../internal/upstream.ts'
import type { UpstreamFailure } from '../../internal/upstream-failure.ts'
import { Http2Try } from './http2-try.ts'

const GRPC = /^application\/grpc/i

/**
 * One gRPC call on a node. Its trailers pass as they are, and its status comes with them. Whatever the node does, the
 * client gets one status, because that alone tells it whether an answer is whole.
 */
export class GrpcTry extends Http2Try {
  /** That of an answer that is over with its head. */
  grpcStatus: number | undefined = undefined
  /** The status that stands for an answer in plain HTTP, such as one of a proxy in front of the node. */
  #plainStatus: number | undefined = undefined
  #trailers: GrpcEnd | undefined = undefined
  /** How the call ended that the node did not end itself. */
  #failed: GrpcEnd | undefined = undefined
  #end: CallEnd | undefined = undefined
  #listeners: ((end: CallEnd) => void)[] = []

  whenOver(listener: (end: CallEnd) => void): void {
    if (this.#end) listener(this.#end)
    else this.#listeners.push(listener)
  }

  /** Services are silent for as long as they have no message. Only a route's own limit counts. */
  protected override get idleMs(): number {
    return this.request.route.bodyIdleTimeoutMs ?? 0
  }

  protected override readHead(fields: ResponseFields, isEnd: boolean): void {
    super.readHead(fields, isEnd)
    const type = getHeader(this.headers, 'content-type')
    const hasStatus = isEnd && getHeader(this.headers, 'grpc-status') !== undefined
    if (!hasStatus && (type === undefined || !GRPC.test(type))) {
      this.#plainStatus = grpcStatusOfHttp(fields.status)
      if (isEnd) this.grpcStatus = this.#plainStatus
    } else if (isEnd) {
      const end = this.#noted(readGrpcEnd(this.headers))
      this.headers = type === undefined ? ['content-type', 'application/grpc', ...end.lines] : end.lines
      this.grpcStatus = end.status
    }
  }

  protected override readTrailers(lines: readonly string[]): readonly string[] {
    this.#trailers = readGrpcEnd(lines)
    return this.#trailers.lines
  }

  protected override end(): void {
    const status = this.grpcStatus ?? this.#plainStatus
    if (status !== undefined) {
      this.#over({ grpcStatus: status, isBroken: false })
      super.end(undefined)
      return
    }
    const end = this.#noted(this.#trailers ?? readGrpcEnd([]))
    this.#over({ grpcStatus: end.status, isBroken: end.problem !== undefined })
    super.end(end.lines)
  }

  protected override fail(failure: UpstreamFailure): void {
    if (this.status !== 0) {
      if (failure.kind === 'aborted') {
        this.#over({ grpcStatus: this.#plainStatus ?? GRPC_STATUS.CANCELLED, isBroken: false })
      } else {
        this.#failed = this.#noted(endOfFailure(failure))
        this.#over({ grpcStatus: this.#failed.status, isBroken: true })
      }
    }
    super.fail(failure)
  }

  protected override breakOff(target: ClientResponse): void {
    if (this.#failed) target.endWithTrailers(this.#failed.lines)
    else super.breakOff(target)
  }

  /** Notes for the log what was wrong with the end of a call. */
  #noted(end: GrpcEnd): GrpcEnd {
    if (end.problem !== undefined) this.call.failure = end.problem
    return end
  }

  #over(end: CallEnd): void {
    if (this.#end) return
    this.#end = end
    if (this.span !== undefined) this.span.grpcStatus = end.grpcStatus
    for (const listener of this.#listeners) listener(end)
    this.#listeners = []
  }
}
