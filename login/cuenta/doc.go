// Package cuenta is Mi cuenta: where a person sees and controls what is hers.
//
// Every address stands in one table (Server.routes) with its guard. A page is shown
// to whoever has a session (show). A form acts for her (act), or changes something
// and then wants a proof of who she is that is at most five minutes old (change,
// ASVS 7.5.1), where she has a second factor a proof by one (strong, NIST SP
// 800-63B). Where the proof is missing the answer is the page "Confirme que es
// usted", which carries everything that was posted: what was typed is not lost, also
// where the session has ended meanwhile, and is executed for nobody else.
package cuenta
