import {
  loadConfig
} from "./chunk-W3OD6L7X.js";
import "./chunk-BMJZOWOK.js";
import "./chunk-RHCDAQUY.js";
import "./chunk-ORGHNJCV.js";
import "./chunk-MD4L36BR.js";
import "./chunk-ZOIAUEOT.js";
import "./chunk-KXELJCG2.js";
import "./chunk-IOHFKSVH.js";
import "./chunk-2DEKI57A.js";
import "./chunk-3HIV7SU5.js";
import "./chunk-BOMLGWJN.js";
import "./chunk-BN4MFTCA.js";

// cmd/commands/api-key.ts
import { hash, randomBytes } from "node:crypto";
var KEY_BYTES = 32;
async function runApiKey(options) {
  const { config } = loadConfig({ file: options.config, env: process.env, flags: options.settings });
  const { key, etcdKey, value } = makeApiKey(options, config.apiKeys.prefix, Date.now());
  console.log(`API key:    ${key}`);
  console.log(`etcd key:   ${etcdKey}`);
  console.log(`etcd value: ${value}`);
  console.log(`
To enable it:  etcdctl put ${quote(etcdKey)} ${quote(value)}`);
  console.log(`To revoke it:  etcdctl del ${quote(etcdKey)}`);
  console.log("The key itself is stored nowhere and cannot be shown again.");
  if (!config.apiKeys.enabled) console.error("API keys are not enabled yet: set apiKeys.enabled");
  return 0;
}
function makeApiKey({ owner, scopes, roles, claims, expiresInSeconds }, prefix, now) {
  const key = `wg_${randomBytes(KEY_BYTES).toString("base64url")}`;
  const document = {
    owner,
    ...scopes.length > 0 && { scopes: [...scopes] },
    ...roles.length > 0 && { roles: [...roles] },
    ...Object.keys(claims).length > 0 && { claims: { ...claims } },
    ...expiresInSeconds !== void 0 && {
      expiresAt: new Date(now + expiresInSeconds * 1e3).toISOString()
    }
  };
  return { key, etcdKey: prefix + hash("sha256", key, "hex"), value: JSON.stringify(document) };
}
function quote(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
export {
  makeApiKey,
  runApiKey
};
