import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);import{dirname as __dn}from"node:path";const __filename=import.meta.filename,__dirname=import.meta.dirname;

// discovery/logger.ts
var ignore = () => {
};
var silentLogger = { debug: ignore, info: ignore, warn: ignore, error: ignore };

export {
  silentLogger
};
