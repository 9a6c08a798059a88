import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);import{dirname as __dn}from"node:path";const __filename=import.meta.filename,__dirname=import.meta.dirname;
import {
  createClaimReader
} from "./chunk-NLYF5HLV.js";
import {
  require_jsonwebtoken
} from "./chunk-I32FXNKD.js";
import "./chunk-AOMYOS2X.js";
import "./chunk-UF6LBCNO.js";
import {
  findDuplicateMember
} from "./chunk-ERV772JK.js";
import {
  AcceptedCredentials
} from "./chunk-TXZVM3MX.js";
import {
  takeCookies,
  takeHeader
} from "./chunk-4QJQ3U3V.js";
import {
  GatewayError
} from "./chunk-W6G3N2K2.js";
import {
  __toESM
} from "./chunk-TUAEWWSE.js";

// middleware/auth/claim-rules.ts
var TokenExpired = class extends TypeError {
};
function checkClaims(claims, rules, toleranceMs, now) {
  const { exp, nbf, iat } = claims;
  const { audience, requireExpiry, maxLifetimeMs } = rules;
  if (claims.sub !== void 0 && typeof claims.sub !== "string")
    throw new TypeError("the sub of the token is not a string");
  if (exp === void 0 && requireExpiry) throw new TypeError("the token has no exp");
  if (nbf !== void 0 && nbf * 1e3 > now + toleranceMs) throw new TypeError("the token is not valid yet");
  if (iat !== void 0 && iat * 1e3 > now + toleranceMs)
    throw new TypeError("the iat of the token is in the future");
  if (audience && !isFor(claims.aud, audience)) throw new TypeError("the token is for another audience");
  let endsAt = exp === void 0 ? Number.POSITIVE_INFINITY : exp * 1e3;
  if (maxLifetimeMs !== void 0) {
    if (iat === void 0) throw new TypeError("the token has no iat, which a limited lifetime requires");
    if (exp !== void 0 && (exp - iat) * 1e3 > maxLifetimeMs)
      throw new TypeError("the lifetime of the token is too long");
    endsAt = Math.min(endsAt, iat * 1e3 + maxLifetimeMs);
  }
  const acceptedUntil = endsAt + toleranceMs;
  if (now >= acceptedUntil) throw new TokenExpired("the token has expired");
  return acceptedUntil;
}
function isFor(aud, accepted) {
  const named = Array.isArray(aud) ? aud : [aud];
  return named.some((name) => typeof name === "string" && accepted.includes(name));
}

// middleware/auth/token-form.ts
import { isUtf8 } from "node:buffer";
var MAX_TOKEN_BYTES = 8192;
function readJws(token) {
  if (token.length > MAX_TOKEN_BYTES) throw new TypeError(`the token is longer than ${MAX_TOKEN_BYTES} bytes`);
  const parts = token.split(".", 4);
  if (parts.length !== 3) throw new TypeError("the token does not have three parts");
  const [head, payload] = parts.map(canonicalBytes);
  const header = jsonObject(head, "header");
  for (const parameter of ["crit", "b64"]) {
    if (Object.hasOwn(header, parameter)) throw new TypeError(`the header of the token has ${parameter}`);
  }
  const { alg, kid } = header;
  if (typeof alg !== "string") throw new TypeError("the alg of the token is not a string");
  if (kid !== void 0 && typeof kid !== "string")
    throw new TypeError("the kid of the token is not a string");
  return { token, algorithm: alg, keyId: kid, payload };
}
function readClaims({ payload }) {
  const claims = jsonObject(payload, "payload");
  for (const claim of ["exp", "nbf", "iat"]) {
    if (Object.hasOwn(claims, claim) && !Number.isFinite(claims[claim])) {
      throw new TypeError(`the ${claim} of the token is not a number`);
    }
  }
  return claims;
}
function canonicalBytes(part) {
  const bytes = Buffer.from(part, "base64url");
  if (bytes.toString("base64url") !== part) throw new TypeError("the token is not canonical base64url");
  return bytes;
}
function jsonObject(bytes, what) {
  if (!isUtf8(bytes)) throw new TypeError(`the ${what} of the token is not UTF-8`);
  const text = bytes.toString("utf8");
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    throw new TypeError(`the ${what} of the token is not JSON`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new TypeError(`the ${what} of the token is not an object`);
  }
  if (findDuplicateMember(text) !== void 0)
    throw new TypeError(`the ${what} of the token has a duplicate member`);
  return value;
}

// middleware/auth/token-places.ts
function takeBearer(head, call, places) {
  const tokens = takeTokens(head, call, places);
  const { authorization = "" } = head;
  if (tokens.length === 0) return authorization;
  if (tokens.length > 1 || /^bearer\s/i.test(authorization)) {
    throw new GatewayError("WG_BAD_REQUEST", {
      detail: "The request has more than one token.",
      headers: { "www-authenticate": 'Bearer realm="waygate", error="invalid_request"' }
    });
  }
  return `Bearer ${tokens[0]}`;
}
function takeTokens({ headers }, call, { cookie, queryParameter }) {
  const tokens = [];
  if (cookie !== void 0) tokens.push(...takeCookies(headers, cookie));
  if (queryParameter !== void 0) call.target = withoutParameter(call.target, queryParameter, tokens);
  return tokens;
}
function withoutParameter(target, name, values) {
  const query = target.indexOf("?");
  if (query === -1) return target;
  const pairs = target.slice(query + 1).split("&");
  const kept = pairs.filter((pair) => {
    if (!pair.startsWith(name) || pair[name.length] !== "=") return true;
    values.push(pair.slice(name.length + 1));
    return false;
  });
  if (kept.length === pairs.length) return target;
  return kept.length === 0 ? target.slice(0, query) : `${target.slice(0, query)}?${kept.join("&")}`;
}

// middleware/auth/token-signature.ts
var import_jsonwebtoken = __toESM(require_jsonwebtoken(), 1);
import { verify as verifyBytes } from "node:crypto";
function verifySignature({ token, algorithm }, { key, algorithms }) {
  if (!algorithms.includes(algorithm)) throw new TypeError("the key is not for the algorithm of the token");
  if (algorithm !== "EdDSA") {
    const only = [algorithm];
    import_jsonwebtoken.default.verify(token, key, { algorithms: only, ignoreExpiration: true, ignoreNotBefore: true });
    return;
  }
  const end = token.lastIndexOf(".");
  const signature = Buffer.from(token.slice(end + 1), "base64url");
  if (!verifyBytes(null, Buffer.from(token.slice(0, end)), key, signature)) {
    throw new TypeError("invalid signature");
  }
}

// middleware/auth/jwt-authenticator.ts
function createJwtAuthenticator(options) {
  const { clockToleranceMs, cacheSize, places, revocations, now = Date.now } = options;
  const accepted = new AcceptedCredentials(cacheSize);
  const issuers = options.issuers.map((issuer) => ({
    ...issuer,
    readIdentity: createClaimReader({ ...options, ...issuer })
  }));
  const byName = new Map(issuers.flatMap((each) => (each.issuer ?? []).map((name) => [name, each])));
  const forAny = issuers.find((each) => each.issuer === void 0);
  function issuerOf({ iss }) {
    const issuer = (typeof iss === "string" ? byName.get(iss) : void 0) ?? forAny;
    if (!issuer) throw new TypeError("the issuer of the token is not configured");
    return issuer;
  }
  function verify(token) {
    return refusing(() => {
      const jws = readJws(token);
      const claims = readClaims(jws);
      const issuer = issuerOf(claims);
      if (issuer.keys.find(jws.algorithm, jws.keyId)) return judge(jws, claims, issuer);
      checkClaims(claims, issuer, clockToleranceMs, now());
      const fetched = issuer.keys.refresh();
      return fetched ? fetched.then(() => refusing(() => judge(jws, claims, issuer))) : judge(jws, claims, issuer);
    });
  }
  function judge(jws, claims, issuer) {
    const key = issuer.keys.find(jws.algorithm, jws.keyId);
    if (!key) {
      if (!issuer.keys.isLoaded) throw unavailable("the keys of the issuer are not loaded yet");
      throw new TypeError("the kid and alg of the token match no key, or more than one");
    }
    verifySignature(jws, key);
    const acceptedUntil = checkClaims(claims, issuer, clockToleranceMs, now());
    return { identity: issuer.readIdentity(claims), key, id: claims.jti, acceptedUntil };
  }
  function checkRevoked({ id }) {
    if (revocations === void 0 || typeof id !== "string") return;
    if (!revocations.isLoaded) throw unavailable("the revocations are not loaded yet");
    if (revocations.has(id)) throw refusal("WG_TOKEN_INVALID", new TypeError("the token was revoked"));
  }
  function accept(credential, fresh, head, call) {
    checkRevoked(fresh);
    accepted.add(credential, fresh);
    call.isAuthorizationChecked = credential === head.authorization;
    return fresh.identity;
  }
  return {
    challenge: CHALLENGE,
    authenticate(head, call) {
      if (head.authorizationCount > 1) {
        throw refusal("WG_TOKEN_INVALID", new TypeError("more than one Authorization header"));
      }
      const credential = places === void 0 ? head.authorization ?? "" : takeBearer(head, call, places);
      const known = accepted.get(credential);
      if (known) {
        if (now() < known.acceptedUntil && known.key.isRetired !== true) {
          checkRevoked(known);
          call.isAuthorizationChecked = credential === head.authorization;
          return known.identity;
        }
        accepted.delete(credential);
      }
      const fresh = verify(bearerToken(credential));
      if (fresh instanceof Promise) return fresh.then((token) => accept(credential, token, head, call));
      return accept(credential, fresh, head, call);
    },
    withhold(head, call) {
      if (places !== void 0) takeTokens(head, call, places);
      takeHeader(head.headers, "authorization");
      call.isAuthorizationChecked = false;
    }
  };
}
var CHALLENGE = 'Bearer realm="waygate"';
var BEARER = /^Bearer +([^\s]+) *$/i;
function bearerToken(authorization) {
  const match = BEARER.exec(authorization);
  if (!match) throw new GatewayError("WG_TOKEN_MISSING", { headers: { "www-authenticate": CHALLENGE } });
  return match[1];
}
function refusing(check) {
  try {
    return check();
  } catch (error) {
    if (error instanceof GatewayError) throw error;
    throw refusal(error instanceof TokenExpired ? "WG_TOKEN_EXPIRED" : "WG_TOKEN_INVALID", error);
  }
}
function refusal(code, cause) {
  const description = code === "WG_TOKEN_EXPIRED" ? "the token has expired" : "the token was not accepted";
  return new GatewayError(code, {
    cause,
    headers: {
      "www-authenticate": `${CHALLENGE}, error="invalid_token", error_description="${description}"`
    }
  });
}
function unavailable(reason) {
  return new GatewayError("WG_AUTH_UNAVAILABLE", {
    cause: new Error(reason),
    headers: { "retry-after": "1" }
  });
}
export {
  createJwtAuthenticator
};
