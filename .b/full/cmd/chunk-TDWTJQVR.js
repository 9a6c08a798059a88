import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);import{dirname as __dn}from"node:path";const __filename=import.meta.filename,__dirname=import.meta.dirname;
import {
  MAX_SCRYPT_BYTES
} from "./chunk-N56F7YL5.js";

// middleware/auth/password.ts
import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";
var COST = { logCost: 14, blockSize: 8, parallelization: 5 };
var SALT_BYTES = 16;
var HASH_BYTES = 32;
async function hashPassword(password) {
  const wanted = { ...COST, salt: randomBytes(SALT_BYTES), hash: Buffer.alloc(HASH_BYTES) };
  return { ...wanted, hash: await derive(password, wanted) };
}
async function isPassword(password, known) {
  return timingSafeEqual(await derive(password, known), known.hash);
}
function passwordLike(other) {
  return { ...other, salt: randomBytes(other.salt.length), hash: randomBytes(other.hash.length) };
}
function derive(password, { logCost, blockSize, parallelization, salt, hash }) {
  const { promise, resolve, reject } = Promise.withResolvers();
  const options = {
    cost: 2 ** logCost,
    blockSize,
    parallelization,
    // Node counts slightly more memory than the algorithm itself needs.
    maxmem: 2 * MAX_SCRYPT_BYTES
  };
  scrypt(
    password.normalize("NFC"),
    salt,
    hash.length,
    options,
    (error, derived) => error ? reject(error) : resolve(derived)
  );
  return promise;
}

export {
  hashPassword,
  isPassword,
  passwordLike
};
