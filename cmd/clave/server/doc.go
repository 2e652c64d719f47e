// Package server assembles the provider from its parts (storage, login,
// provider, templates), with routes, jobs, metrics, listeners and a stop that
// loses nothing. It reads no file and no environment: cmd/clave does, and
// cmd/demo brings its own configuration.
//
// A request passes guard (request id, real client address, Host, limits,
// panics, headers of every answer), the router, and then a package of the
// house. What operators ask (health, readiness, metrics) has a listener and a
// router of its own.
package server
