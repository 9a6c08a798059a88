import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);import{dirname as __dn}from"node:path";const __filename=import.meta.filename,__dirname=import.meta.dirname;

// cmd/cli/version.ts
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
var PACKAGE_FOLDER = findPackageFolder(import.meta.dirname);
var IS_SOURCE = import.meta.filename.endsWith(".ts");
function packageVersion() {
  return JSON.parse(readFileSync(join(PACKAGE_FOLDER, "package.json"), "utf8")).version;
}
function findPackageFolder(folder) {
  return existsSync(join(folder, "package.json")) ? folder : findPackageFolder(dirname(folder));
}

export {
  PACKAGE_FOLDER,
  IS_SOURCE,
  packageVersion
};
