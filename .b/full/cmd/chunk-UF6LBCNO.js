import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);import{dirname as __dn}from"node:path";const __filename=import.meta.filename,__dirname=import.meta.dirname;

// internal/claim-path.ts
function claimAt(claims, path) {
  if (Object.hasOwn(claims, path)) return claims[path];
  let value = claims;
  for (const name of path.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return void 0;
    value = value[name];
  }
  return value;
}
var STEP = /\.([A-Za-z_][A-Za-z0-9_-]*)|\[(\d{1,4})\]|\[("(?:[^"\\]|\\.)*")\]/y;
function compileClaimPath(path) {
  if (!path.startsWith("$")) return (claims) => claimAt(claims, path);
  const steps = [];
  STEP.lastIndex = 1;
  while (STEP.lastIndex < path.length) {
    const [, name, index, quoted] = STEP.exec(path) ?? [];
    if (name !== void 0) steps.push(name);
    else if (index !== void 0) steps.push(Number(index));
    else if (quoted !== void 0) steps.push(unquote(quoted));
    else throw malformed();
  }
  if (steps.length === 0) throw malformed();
  return (claims) => {
    let value = claims;
    for (const step of steps) {
      if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return void 0;
      value = value[step];
    }
    return value;
  };
}
function unquote(quoted) {
  try {
    return JSON.parse(quoted);
  } catch {
    throw malformed();
  }
}
function malformed() {
  return new TypeError('must be a claim, names joined by dots, or a JSON path such as $.a["b.c"][0]');
}

export {
  claimAt,
  compileClaimPath
};
