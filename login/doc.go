// Package login is who is at the browser: the pages on which a person signs in,
// and the rules they obey.
//
// The flow. An application sends the person to provider's /authorize, which
// stores a storage.AuthRequest bound to this browser and calls Server.Advance.
// Advance gathers the Progress of the request from stored state and asks Next,
// one pure function, for the Step: one of our pages, the code (Protocol.Grant)
// or an error (Protocol.Deny). Each page posts to itself, has its effect in one
// transaction with its audit row, and calls Advance again in that transaction;
// no page knows which comes next. A clave is tried (Try), which takes a hash
// slot, reserves one attempt in one statement, and compares; and the outcome is
// settled (Settle) with all that follows from it. A passkey's answer is judged and
// settled in one go (TryPasskey). Either gives a Proof. Sessions, lanes of known
// devices and the binding of requests to browsers are cookies of 256 random bits
// that the database knows by their hashes.
//
// Routes: / · /ingresar · /ingresar/segundo · /ingresar/oferta · /continuar ·
// /autorizar · /sesion/seguir · /sesion/cerrada · /ayuda · /ayuda/llaves · /tramite ·
// /privacidad · /accesibilidad · /acuerdo · /declaracion, and for the pages' script
// JSON at /ingresar/llave/opciones and /ingresar/segundo/opciones. Package
// login/clave adds /renovar, /cambio, /desbloqueo, /enlace, /no-fui-yo and
// /cuenta/mensajes, login/recovery /generar-recuperar, login/contact /correo and
// login/cuenta /cuenta. What people are told of leaves an errand (Notify).
//
// Rule files, without context, I/O or clock: cedula.go, policy.go, lockout.go,
// renewal.go, next.go, limit.go, guess.go, alarm.go, acr.go.
//
// Glossary. Afiliado: a person of the registry, whether afiliado, pensionista or
// beneficiario. Cédula: the national identity number. Código: what IESS gives to
// foreigners without one. Clave: what a person signs in with. Acuerdo: the terms
// of its use. Lane: the attempts that a browser known to be a person's own has
// for itself.
package login
