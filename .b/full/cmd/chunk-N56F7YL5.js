import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);import{dirname as __dn}from"node:path";const __filename=import.meta.filename,__dirname=import.meta.dirname;

// internal/password-hash.ts
var FORM = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;
var MAX_SCRYPT_BYTES = 67108864;
function parsePasswordHash(text) {
  const [, ln, r, p, salt, hash] = FORM.exec(text) ?? [];
  if (hash === void 0)
    throw new TypeError("must be a hash that `waygate hash-password` prints: $scrypt$ln=...");
  const [logCost, blockSize, parallelization] = [Number(ln), Number(r), Number(p)];
  if (logCost < 10 || blockSize < 1 || parallelization < 1) {
    throw new TypeError("must have a cost of at least ln=10, r=1 and p=1");
  }
  if (128 * blockSize * 2 ** logCost > MAX_SCRYPT_BYTES) {
    throw new TypeError("must not take more than 64 MiB for one check: 128 * r * 2^ln");
  }
  return { logCost, blockSize, parallelization, salt: bytes(salt), hash: bytes(hash) };
}
function formatPasswordHash({
  logCost,
  blockSize,
  parallelization,
  salt,
  hash
}) {
  const [encodedSalt, encodedHash] = [salt, hash].map((each) => each.toString("base64").replace(/=+$/, ""));
  return `$scrypt$ln=${logCost},r=${blockSize},p=${parallelization}$${encodedSalt}$${encodedHash}`;
}
function bytes(base64) {
  return Buffer.from(base64, "base64");
}

export {
  MAX_SCRYPT_BYTES,
  parsePasswordHash,
  formatPasswordHash
};
