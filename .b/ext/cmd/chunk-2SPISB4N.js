// discovery/logger.ts
var ignore = () => {
};
var silentLogger = { debug: ignore, info: ignore, warn: ignore, error: ignore };

export {
  silentLogger
};
