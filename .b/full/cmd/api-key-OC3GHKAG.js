import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);import{dirname as __dn}from"node:path";const __filename=import.meta.filename,__dirname=import.meta.dirname;
import {
  loadConfig
} from "./chunk-CM57QZRA.js";
import "./chunk-G4RAHNLO.js";
import "./chunk-TVBUVZWG.js";
import "./chunk-ZFOIPJL2.js";
import "./chunk-G6XK4LIS.js";
import "./chunk-SJNWVKJY.js";
import "./chunk-WSUTVFRI.js";
import "./chunk-UF6LBCNO.js";
import "./chunk-ERV772JK.js";
import "./chunk-N56F7YL5.js";
import "./chunk-X7I5JA7V.js";
import "./chunk-4QJQ3U3V.js";
import "./chunk-TUAEWWSE.js";

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
