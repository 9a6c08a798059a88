import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);import{dirname as __dn}from"node:path";const __filename=import.meta.filename,__dirname=import.meta.dirname;

// internal/http/quiet-error.ts
var QuietError = class extends Error {
  constructor(message, options) {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(message, options);
    Error.stackTraceLimit = stackTraceLimit;
  }
};

// internal/http/errors.ts
var ERRORS = {
  WG_BAD_REQUEST: { status: 400, title: "Bad request", detail: "The request is not valid HTTP." },
  WG_TOKEN_MISSING: { status: 401, title: "Token missing", detail: "This route needs a bearer token." },
  WG_TOKEN_INVALID: { status: 401, title: "Token invalid", detail: "The bearer token was not accepted." },
  WG_TOKEN_EXPIRED: { status: 401, title: "Token expired", detail: "The bearer token has expired." },
  WG_FORBIDDEN: {
    status: 403,
    title: "Forbidden",
    detail: "The token does not grant what this route needs."
  },
  WG_ADDRESS_DENIED: {
    status: 403,
    title: "Address denied",
    detail: "Clients at this address may not use this route."
  },
  WG_ORIGIN_REFUSED: {
    status: 403,
    title: "Origin refused",
    detail: "Pages of this origin may not use this route."
  },
  WG_NO_ROUTE: { status: 404, title: "No route", detail: "No route matches this host and path." },
  WG_NO_METHOD: {
    status: 404,
    title: "No method",
    detail: "The service has no such gRPC method here."
  },
  WG_METHOD_NOT_ALLOWED: {
    status: 405,
    title: "Method not allowed",
    detail: "This path does not support the request method."
  },
  WG_REQUEST_TIMEOUT: {
    status: 408,
    title: "Request timeout",
    detail: "The request body did not arrive in time."
  },
  WG_BODY_TOO_LARGE: { status: 413, title: "Body too large", detail: "The request body is too large." },
  WG_URI_TOO_LONG: { status: 414, title: "Target too long", detail: "The request target is too long." },
  WG_UNSUPPORTED_MEDIA: {
    status: 415,
    title: "Unsupported media type",
    detail: "The content type of the request is not supported here."
  },
  WG_EXPECTATION_FAILED: {
    status: 417,
    title: "Expectation failed",
    detail: "The only supported expectation is 100-continue."
  },
  WG_RATE_LIMITED: {
    status: 429,
    title: "Too many requests",
    detail: "The rate limit is exceeded; try again later."
  },
  WG_HEADERS_TOO_LARGE: {
    status: 431,
    title: "Headers too large",
    detail: "The request headers are too large or too many."
  },
  WG_INTERNAL: {
    status: 500,
    title: "Internal error",
    detail: "The gateway failed; its log has the reason."
  },
  WG_UPSTREAM_UNREACHABLE: {
    status: 502,
    title: "Upstream unreachable",
    detail: "The service could not be reached, or closed the connection before it answered."
  },
  WG_UPSTREAM_INVALID: {
    status: 502,
    title: "Upstream answer invalid",
    detail: "The service sent an invalid HTTP answer."
  },
  WG_ROUTE_BROKEN: {
    status: 503,
    title: "Route broken",
    detail: "The document of this route is invalid; the admin listener shows the reason."
  },
  WG_NO_NODE: { status: 503, title: "No node", detail: "No node of the service is available." },
  WG_CIRCUIT_OPEN: {
    status: 503,
    title: "Circuit open",
    detail: "The circuit breakers of all nodes of the service are open; try again later."
  },
  WG_OVERLOADED: {
    status: 503,
    title: "Overloaded",
    detail: "The service is at its limit; try again later."
  },
  WG_AUTH_UNAVAILABLE: {
    status: 503,
    title: "Authentication unavailable",
    detail: "The gateway cannot check credentials at the moment; try again later."
  },
  WG_NO_SCHEMA: {
    status: 503,
    title: "No schema",
    detail: "The gateway does not know the methods of the service yet; try again later."
  },
  WG_SHUTTING_DOWN: { status: 503, title: "Shutting down", detail: "The gateway is shutting down." },
  WG_UPSTREAM_TIMEOUT: {
    status: 504,
    title: "Upstream timeout",
    detail: "The service did not answer in time."
  }
};
var GatewayError = class extends QuietError {
  name = "GatewayError";
  code;
  status;
  headers;
  grpcStatus;
  constructor(code, options = {}) {
    super(options.detail ?? ERRORS[code].detail, "cause" in options ? { cause: options.cause } : void 0);
    this.code = code;
    this.status = ERRORS[code].status;
    this.headers = options.headers;
    this.grpcStatus = options.grpcStatus;
  }
};
var PROBLEM_CONTENT_TYPE = "application/problem+json";
function problemBody(error, requestId) {
  return JSON.stringify({
    type: `urn:waygate:error:${error.code}`,
    title: ERRORS[error.code].title,
    status: error.status,
    code: error.code,
    detail: error.message,
    requestId
  });
}

export {
  QuietError,
  ERRORS,
  GatewayError,
  PROBLEM_CONTENT_TYPE,
  problemBody
};
