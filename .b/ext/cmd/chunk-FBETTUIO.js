import {
  UsageError
} from "./chunk-FS3UZET6.js";
import {
  loadConfig,
  loadSigningKey
} from "./chunk-W3OD6L7X.js";
import {
  ConfigError,
  toProblem
} from "./chunk-RHCDAQUY.js";

// cmd/commands/token.ts
import { randomBytes, sign as signBytes } from "node:crypto";
import jwt from "jsonwebtoken";
async function runToken(options) {
  console.log(
    signToken(options, loadConfig({ file: options.config, env: process.env, flags: options.settings }))
  );
  return 0;
}
function signToken({ subject, expiresInSeconds, claims }, { config, sourceOf }) {
  const findings = { problems: [], warnings: [] };
  const signing = loadSigningKey(config.jwt, findings);
  if (findings.problems.length > 0) {
    throw new ConfigError(
      findings.problems.map((finding) => ({ ...toProblem(finding), source: sourceOf(finding.path.join(".")) }))
    );
  }
  const algorithm = signing?.algorithms[0];
  if (signing === void 0 || algorithm === void 0) {
    const message = "has no key to sign with: set jwt.privateKeyFile, jwt.secret or WAYGATE_JWT_SECRET";
    throw new ConfigError([{ source: sourceOf("jwt"), path: "$.jwt", message }]);
  }
  const unfit = Object.keys(claims).find((name) => name in Object.prototype);
  if (unfit !== void 0) throw new UsageError(`a claim cannot be named ${unfit}`, "token");
  const { issuer, audience } = config.jwt;
  const payload = {
    ...issuer !== void 0 && { iss: first(issuer) },
    ...audience !== void 0 && { aud: first(audience) },
    ...claims,
    sub: subject
  };
  try {
    return sign(payload, signing.key, algorithm, expiresInSeconds);
  } catch (error) {
    throw new UsageError(error.message, "token");
  }
}
function sign(payload, key, algorithm, expiresIn) {
  if (algorithm !== "EdDSA") return jwt.sign(payload, key, { algorithm, expiresIn });
  const [, claims] = jwt.sign(payload, randomBytes(32), { algorithm: "HS256", expiresIn }).split(".");
  const head = Buffer.from(JSON.stringify({ alg: algorithm, typ: "JWT" })).toString("base64url");
  const signed = `${head}.${claims}`;
  return `${signed}.${signBytes(null, Buffer.from(signed), key).toString("base64url")}`;
}
function first(value) {
  return typeof value === "string" ? value : value[0];
}

export {
  runToken,
  signToken
};
