// Package clave is the life of a clave after its first sign-in. Here: its forced
// renewal (S092, D17), at /renovar, inside a running request or without one.
package clave
