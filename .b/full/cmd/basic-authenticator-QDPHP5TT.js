import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);import{dirname as __dn}from"node:path";const __filename=import.meta.filename,__dirname=import.meta.dirname;
import {
  isPassword,
  passwordLike
} from "./chunk-TDWTJQVR.js";
import "./chunk-N56F7YL5.js";
import {
  AcceptedCredentials
} from "./chunk-TXZVM3MX.js";
import {
  takeHeader
} from "./chunk-4QJQ3U3V.js";
import {
  GatewayError
} from "./chunk-W6G3N2K2.js";
import "./chunk-TUAEWWSE.js";

// middleware/auth/basic-authenticator.ts
import { isUtf8 } from "node:buffer";
import { hash, randomBytes } from "node:crypto";
var MAX_CREDENTIALS_BYTES = 1024;
var MAX_CHECKS = 2;
var MAX_WAITING = 32;
function createBasicAuthenticator(options) {
  const { users, cacheSize, isPassword: check = isPassword } = options;
  const accepted = new AcceptedCredentials(cacheSize);
  const [first] = users.values();
  const nobody = first && passwordLike(first.password);
  const salt = randomBytes(16).toString("hex");
  const checking = /* @__PURE__ */ new Map();
  const waiting = [];
  let checks = 0;
  async function verify(credentials) {
    const { name, password } = decode(credentials);
    const user = users.get(name);
    await turn();
    try {
      const against = user?.password ?? nobody;
      const isRight = against !== void 0 && await check(password, against);
      if (user && isRight) return user.identity;
    } finally {
      checks--;
      waiting.shift()?.();
    }
    throw refusal(user ? "the password is wrong" : "the user is unknown");
  }
  async function turn() {
    while (checks >= MAX_CHECKS) await new Promise((resolve) => waiting.push(resolve));
    checks++;
  }
  function identify(credentials) {
    const id = hash("sha256", salt + credentials, "hex");
    const known = accepted.get(id) ?? checking.get(id);
    if (known) return known;
    if (waiting.length >= MAX_WAITING) {
      throw new GatewayError("WG_OVERLOADED", {
        cause: new Error("too many password checks are waiting"),
        headers: { "retry-after": "1" }
      });
    }
    const verified = verify(credentials).then((identity) => {
      accepted.add(id, identity);
      return identity;
    }).finally(() => checking.delete(id));
    checking.set(id, verified);
    return verified;
  }
  return {
    challenge: CHALLENGE,
    authenticate(head) {
      const { authorization = "" } = head;
      if (authorization.slice(0, SCHEME.length).toLowerCase() !== SCHEME) {
        throw new GatewayError("WG_TOKEN_MISSING", {
          detail: "This route needs a user and a password.",
          headers: HEADERS
        });
      }
      if (head.authorizationCount > 1) throw refusal("more than one Authorization header");
      if (authorization.length > MAX_CREDENTIALS_BYTES) throw refusal("the credentials are too long");
      const identity = identify(authorization.slice(SCHEME.length).replace(/^ +/, ""));
      takeHeader(head.headers, "authorization");
      return identity;
    },
    withhold(head) {
      takeHeader(head.headers, "authorization", /^basic(?:\s|$)/i);
    }
  };
}
var SCHEME = "basic ";
var CHALLENGE = 'Basic realm="waygate", charset="UTF-8"';
var HEADERS = { "www-authenticate": CHALLENGE };
function decode(credentials) {
  const bytes = Buffer.from(credentials, "base64");
  const colon = bytes.indexOf(":");
  if (bytes.toString("base64") !== credentials) throw refusal("the credentials are not canonical base64");
  if (colon === -1 || !isUtf8(bytes)) throw refusal("the credentials are not name:password in UTF-8");
  return { name: bytes.toString("utf8", 0, colon), password: bytes.toString("utf8", colon + 1) };
}
function refusal(reason) {
  return new GatewayError("WG_TOKEN_INVALID", {
    detail: "The user or the password was not accepted.",
    cause: new TypeError(reason),
    headers: HEADERS
  });
}
export {
  createBasicAuthenticator
};
