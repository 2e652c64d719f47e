// Package clave is the life of a clave after its first sign-in.
//
// Its forced renewal (S092, D17), at /renovar, inside a running request or without
// one. Its change with the present one (S087–S091, D29), at /cambio: the public
// form proves it like a sign-in and gives a grant for one change; in session all
// is on one page. The lifting of a lock by mail (S071–S074, D04–D06, D20, D21), at
// /desbloqueo. "No fui yo", where the notices lead. What became of the mails to a
// person, for herself, at /cuenta/mensajes.
//
// Whoever asks to unlock an identifier gets the same answer and costs the same,
// whether or not anybody has it: the request leaves an errand and looks nobody
// up. RunErrands works errands out: it writes the mails, of notices too, and mints
// the links in them. /enlace/{token} moves a link's token into a cookie and leads
// to an address without it; only what a person does there spends the link (T11).
package clave
