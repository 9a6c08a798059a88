import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);import{dirname as __dn}from"node:path";const __filename=import.meta.filename,__dirname=import.meta.dirname;
import {
  UpstreamFailure,
  encodeGrpcMessage,
  resetStatusOf
} from "./chunk-AAIXN3RI.js";
import {
  GRPC_STATUS,
  grpcStatusOfError,
  grpcStatusOfHttp
} from "./chunk-X7I5JA7V.js";
import {
  getHeader
} from "./chunk-4QJQ3U3V.js";

// internal/grpc/status-details.ts
var tag = (field, wire) => field << 3 | wire;
function writeErrorInfo(status, message, reason) {
  const info = Buffer.concat([text(1, reason), text(2, "waygate")]);
  const any = Buffer.concat([text(1, "type.googleapis.com/google.rpc.ErrorInfo"), bytes(2, info)]);
  const code = status === GRPC_STATUS.OK ? [] : [Buffer.from([tag(1, 0), status])];
  const encoded = Buffer.concat([...code, text(2, message), bytes(3, any)]);
  return encoded.toString("base64").replace(/=+$/, "");
}
function text(field, value) {
  return value === "" ? Buffer.alloc(0) : bytes(field, Buffer.from(value, "utf8"));
}
function bytes(field, value) {
  return Buffer.concat([Buffer.from([tag(field, 2), ...varint(value.length)]), value]);
}
function varint(value) {
  const parts = [];
  let rest = value;
  while (rest > 127) {
    parts.push(rest & 127 | 128);
    rest >>>= 7;
  }
  return [...parts, rest];
}

// internal/grpc/refusal.ts
var MAX_MESSAGE_CHARACTERS = 1e3;
function refusalOfError(error) {
  const status = statusOf(error);
  const message = error.message.slice(0, MAX_MESSAGE_CHARACTERS);
  const lines = [
    "grpc-status",
    String(status),
    "grpc-message",
    encodeGrpcMessage(message),
    "grpc-status-details-bin",
    writeErrorInfo(status, message, error.code)
  ];
  const retryAfter = error.headers?.["retry-after"];
  if (retryAfter !== void 0) lines.push(...pushback(retryAfter));
  return { status, lines };
}
function statusOf({ code, cause, grpcStatus }) {
  if (grpcStatus !== void 0) return grpcStatus;
  const resetStatus = cause instanceof UpstreamFailure ? resetStatusOf(cause.cause) : void 0;
  return resetStatus ?? grpcStatusOfError(code);
}
function refusalOfHttp(status, headers) {
  const grpcStatus = grpcStatusOfHttp(status);
  const message = `the service answered HTTP ${status} instead of gRPC`;
  const lines = ["grpc-status", String(grpcStatus), "grpc-message", message];
  const retryAfter = getHeader(headers, "retry-after");
  if (retryAfter !== void 0) lines.push(...pushback(retryAfter));
  return { status: grpcStatus, lines };
}
function pushback(retryAfter) {
  return /^\d{1,6}$/.test(retryAfter) ? ["grpc-retry-pushback-ms", String(Number(retryAfter) * 1e3)] : [];
}

// internal/whole-response.ts
var FRAMING = /* @__PURE__ */ new Set(["content-length", "transfer-encoding", "connection", "trailer"]);
var BODILESS = /* @__PURE__ */ new Set([204, 304]);
function createWholeResponse(status, lines, body) {
  const headers = [];
  for (let i = 0; i < lines.length; i += 2) {
    if (!FRAMING.has(lines[i].toLowerCase())) headers.push(lines[i], lines[i + 1]);
  }
  if (!BODILESS.has(status)) headers.push("content-length", String(body.length));
  return {
    status,
    headers,
    sendBody: (target) => {
      if (body.length > 0 && !BODILESS.has(status)) target.end(body);
      else target.end();
    },
    discard: () => {
    }
  };
}

export {
  refusalOfError,
  refusalOfHttp,
  createWholeResponse
};
