// Package recovery is "Generar / Recuperar clave" (S022–S039, S060–S067): one way
// for the first clave and for a forgotten one, at /generar-recuperar.
//
//	            an identifier behind a challenge; nobody is looked up
//	preguntas   day and month of birth, two questions on the work history, two
//	            personal ones; one verdict on all of it, five attempts
//	datos       what is on file, masked; another address goes by login/contact (D18)
//	enviado     a link to the mailbox on file; behind it a declaration, personal
//	            questions where none are enrolled, the new clave; where there is a
//	            passkey, first that or a recovery code (DEV-7)
//	hecho       that holds
//	fallida     no attempt is left
//	asistida    only an officer goes on from here
//
// How far somebody has come is in her case (storage.Recovery), which belongs to
// the browser it was begun in; Follows says where it may go from there. Up to the
// verdict an identifier nobody has takes the same work and gets the same answers
// (T01, T17), and which of first time and recovery it is shows only behind the
// link. Right answers open nothing: they send a mail to the mailbox on file
// (DEV-5), and nobody is signed in by any of this (DEV-4).
package recovery
